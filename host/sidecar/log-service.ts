import { LogLevel, WriteRequest, WriteResponse } from '@bulkhead/proto/host';
import type { HostMethod } from './host-method.js';
import type { Level, ParsedLine } from './log-line.js';
import { MAX_LINE_BYTES, type PluginLog } from './plugin-log.js';

const LEVEL_OF: Readonly<Partial<Record<LogLevel, Level>>> = {
  [LogLevel.LOG_LEVEL_TRACE]: 'trace',
  [LogLevel.LOG_LEVEL_DEBUG]: 'debug',
  [LogLevel.LOG_LEVEL_INFO]: 'info',
  [LogLevel.LOG_LEVEL_WARN]: 'warn',
  [LogLevel.LOG_LEVEL_ERROR]: 'error',
};

/** LogService.Write for one plugin: its lines join what it prints, under the same rate. */
export function createLogMethod(log: PluginLog): HostMethod {
  return {
    path: '/bulkhead.host.v1.LogService/Write',
    handle(body) {
      let dropped = 0;
      for (const line of WriteRequest.decode(body).lines) {
        const extra = line.requestId === '' ? {} : { request_id: line.requestId };
        const parsed: ParsedLine = {
          level: LEVEL_OF[line.level] ?? 'info',
          message: line.message,
          ...parseFields(log.redact(line.fieldsJson)),
        };
        if (!log.write(parsed, extra)) dropped += 1;
      }
      return WriteResponse.encode({ dropped }).finish();
    },
  };
}

function parseFields(json: string): { fields?: Readonly<Record<string, unknown>> } {
  if (json === '') return {};
  if (json.length > MAX_LINE_BYTES) return { fields: { truncated_bytes: json.length } };
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { fields: { ...value } };
  } catch {
    // Not JSON: the text says what the author meant better than nothing does.
  }
  return { fields: { text: json } };
}
