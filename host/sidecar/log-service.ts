import { LogLevel, LogServiceDefinition, WriteRequest, WriteResponse } from '@bulkhead/proto/host';
import { createHostMethods, type HostMethod } from './host-method.js';
import type { Level, ParsedLine } from './log-line.js';
import { MAX_LINE_BYTES, type PluginLog } from './plugin-log.js';

const LEVEL_OF: Readonly<Partial<Record<LogLevel, Level>>> = {
  [LogLevel.LOG_LEVEL_TRACE]: 'trace',
  [LogLevel.LOG_LEVEL_DEBUG]: 'debug',
  [LogLevel.LOG_LEVEL_INFO]: 'info',
  [LogLevel.LOG_LEVEL_WARN]: 'warn',
  [LogLevel.LOG_LEVEL_ERROR]: 'error',
};

/** Lines of one Write that are looked at; our SDK sends 200. */
const MAX_LINES = 1_000;
const MAX_REQUEST_ID_CHARS = 200;

/** LogService for one plugin: its lines join what it prints, under the same rate. */
export function createLogMethods(log: PluginLog): readonly HostMethod[] {
  return createHostMethods(LogServiceDefinition, {
    write(body) {
      const { lines } = WriteRequest.decode(body);
      let dropped = Math.max(0, lines.length - MAX_LINES);
      log.drop(dropped);
      for (const line of lines.slice(0, MAX_LINES)) {
        const requestId = line.requestId.slice(0, MAX_REQUEST_ID_CHARS);
        const extra = requestId === '' ? {} : { request_id: requestId };
        const level = LEVEL_OF[line.level] ?? 'info';
        const readFields = (): ParsedLine['fields'] => parseFields(log, line.fieldsJson);
        if (!log.write({ level, message: line.message }, readFields, extra)) dropped += 1;
      }
      return WriteResponse.encode({ dropped }).finish();
    },
  });
}

function parseFields(log: PluginLog, json: string): ParsedLine['fields'] {
  if (json === '') return undefined;
  if (json.length > MAX_LINE_BYTES) return { truncated_bytes: json.length };
  const text = log.redact(json);
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // Not JSON: the text says what the author meant better than nothing does.
  }
  return { text };
}
