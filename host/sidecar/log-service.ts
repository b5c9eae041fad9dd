import {
  LogLevel,
  LogServiceDefinition,
  WriteRequest,
  WriteResponse,
  type LogLine,
} from '@bulkhead/proto/host';
import { countItems } from './count-items.js';
import { createHostMethods, type HostMethod } from './host-method.js';
import { readRequest } from './read-message.js';
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
/** What an empty line counts as. */
const LINE_BYTES = 16;

/** LogService for one plugin: its lines join what it prints, under the same rate. */
export function createLogMethods(log: PluginLog): readonly HostMethod[] {
  return createHostMethods(LogServiceDefinition, {
    write(body) {
      if (log.inDebt) {
        const dropped = countItems(body, MAX_LINES);
        log.drop(dropped);
        return WriteResponse.encode({ dropped }).finish();
      }
      // The method needs no grant and has no other budget: all that is decoded is paid for, be it lines or not.
      let unpaid = body.length;
      try {
        const { lines } = readRequest(WriteRequest, body);
        let dropped = Math.max(0, lines.length - MAX_LINES);
        log.drop(dropped);
        for (const line of lines.slice(0, MAX_LINES)) {
          const bytes = writeLine(log, line);
          unpaid -= bytes;
          if (bytes === 0) dropped += 1;
        }
        return WriteResponse.encode({ dropped }).finish();
      } finally {
        log.owe(Math.max(0, unpaid));
      }
    },
  });
}

/** @returns the bytes that were taken from the plugin's rate; 0 when the line did not pass */
function writeLine(log: PluginLog, line: LogLine): number {
  const { message, fieldsJson } = line;
  const requestId = line.requestId.slice(0, MAX_REQUEST_ID_CHARS);
  const extra = requestId === '' ? {} : { request_id: requestId };
  const level = LEVEL_OF[line.level] ?? 'info';
  const bytes =
    LINE_BYTES + Math.min(message.length, MAX_LINE_BYTES) + Math.min(fieldsJson.length, MAX_LINE_BYTES);
  const passed = log.write({ level, message }, bytes, () => parseFields(log, fieldsJson), extra);
  return passed ? bytes : 0;
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
