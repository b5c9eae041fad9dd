import type { LogFields, Logger, LogLevelName } from '../logger.js';
import type { RuntimeClock } from './clock.js';

/** One line on its way to the host. */
export interface LogRecord {
  readonly level: LogLevelName;
  readonly message: string;
  /** JSON text of an object, or empty. */
  readonly fieldsJson: string;
  /** Empty outside a request. */
  readonly requestId: string;
  /** Milliseconds since the Unix epoch. */
  readonly timeMs: number;
}

export type LogSink = (record: LogRecord) => void;

/** Severity, ascending. */
export const LOG_LEVELS: readonly LogLevelName[] = ['trace', 'debug', 'info', 'warn', 'error'];

/** Longest message and longest fields text of one line, in UTF-16 units; more would only be cut by the host. */
const MAX_TEXT_CHARS = 60_000;

/** Where lines go and which of them; shared by every logger of a process. */
export interface LogTarget {
  readonly sink: LogSink;
  readonly clock: RuntimeClock;
  /** Lines below this level cost one comparison. */
  threshold: LogLevelName;
}

export class PluginLogger implements Logger {
  readonly #target: LogTarget;
  readonly #requestId: string;
  readonly #bound: LogFields | undefined;

  constructor(target: LogTarget, requestId = '', bound?: LogFields) {
    this.#target = target;
    this.#requestId = requestId;
    this.#bound = bound;
  }

  trace(message: string, fields?: LogFields): void {
    this.#write('trace', message, fields);
  }

  debug(message: string, fields?: LogFields): void {
    this.#write('debug', message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#write('info', message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#write('warn', message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#write('error', message, fields);
  }

  child(fields: LogFields): Logger {
    return new PluginLogger(this.#target, this.#requestId, { ...this.#bound, ...fields });
  }

  #write(level: LogLevelName, message: string, fields: LogFields | undefined): void {
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(this.#target.threshold)) return;
    const all = this.#bound === undefined ? fields : { ...this.#bound, ...fields };
    this.#target.sink({
      level,
      message: cut(String(message)),
      fieldsJson: all === undefined ? '' : fieldsToJson(all),
      requestId: this.#requestId,
      timeMs: this.#target.clock.now(),
    });
  }
}

function cut(text: string): string {
  return text.length <= MAX_TEXT_CHARS
    ? text
    : `${text.slice(0, MAX_TEXT_CHARS)}… (${text.length} characters)`;
}

/** Fields as JSON text, now, because an author may change the objects later. Never throws. */
function fieldsToJson(fields: LogFields): string {
  let text: string;
  try {
    text = JSON.stringify(fields, plain);
  } catch (error) {
    text = JSON.stringify({
      log_fields: `not JSON: ${error instanceof Error ? error.message : String(error)}`,
    });
  }
  if (text.length <= MAX_TEXT_CHARS) return text;
  return JSON.stringify({ log_fields: `left out: ${text.length} characters, more than ${MAX_TEXT_CHARS}` });
}

function plain(_key: string, value: unknown): unknown {
  if (value instanceof Error) {
    return { name: value.name, message: value.message, stack: value.stack, cause: value.cause };
  }
  return typeof value === 'bigint' ? value.toString() : value;
}
