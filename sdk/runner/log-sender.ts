import { LogLevel, LogServiceDefinition, WriteRequest, type LogLine } from '@bulkhead/proto/host';
import { parseJson } from '@bulkhead/proto/json';
import { isPlainObject } from '@bulkhead/proto/rules';
import type { LogLevelName } from '../logger.js';
import type { LogRecord } from '../runtime/plugin-log.js';

/** Lines that may wait for the host; past it new ones are dropped and counted. */
const MAX_QUEUED_LINES = 2_000;
/** Lines of one Write. */
const MAX_BATCH_LINES = 200;
/** UTF-16 units of one Write, about: one that is larger than the link takes would end the link. */
const MAX_BATCH_CHARS = 256 * 1024;

const WIRE_LEVEL: Readonly<Record<LogLevelName, LogLevel>> = {
  trace: LogLevel.LOG_LEVEL_TRACE,
  debug: LogLevel.LOG_LEVEL_DEBUG,
  info: LogLevel.LOG_LEVEL_INFO,
  warn: LogLevel.LOG_LEVEL_WARN,
  error: LogLevel.LOG_LEVEL_ERROR,
};

/** The method on which a host takes log lines. */
export const LOG_PATH = `/${LogServiceDefinition.fullName}/${LogServiceDefinition.methods.write.name}`;

/** One LogService/Write: bytes of a WriteRequest. */
export type WriteLog = (body: Uint8Array) => Promise<unknown>;

/**
 * Sends log lines to the host in batches, one Write at a time. Without a host that takes them, and for what a Write
 * failed to bring, lines go to stderr, one JSON object each.
 */
export class LogSender {
  readonly #stderr: (text: string) => void;
  #queue: LogRecord[] = [];
  #dropped = 0;
  #write: WriteLog | undefined;
  #sending = false;
  // Sent, and not answered yet.
  #underWay: readonly LogRecord[] = [];
  #waiting: (() => void)[] = [];

  /** @param stderr the real stderr; synchronous, so that the last words of a process get out */
  constructor(stderr: (text: string) => void) {
    this.#stderr = stderr;
  }

  readonly sink = (record: LogRecord): void => {
    if (this.#write === undefined) {
      this.#stderr(formatLine(record));
      return;
    }
    if (this.#queue.length >= MAX_QUEUED_LINES) {
      this.#dropped += 1;
      return;
    }
    this.#queue.push(record);
    if (this.#sending) return;
    this.#sending = true;
    setImmediate(() => void this.#sendAll());
  };

  /** From now on lines go to the host. */
  connect(write: WriteLog): void {
    this.#write = write;
  }

  /** Resolves when the host has answered for every line so far. The caller bounds the wait. */
  flushed(): Promise<void> {
    if (!this.#sending) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /**
   * The host is gone, or this process is about to be: what it has not answered for goes to stderr at once, and later
   * lines too. Rather twice than never: nothing tells whether the last Write still left.
   */
  disconnect(): void {
    this.#write = undefined;
    this.#print(this.#underWay);
    this.#underWay = [];
    this.#print(this.#queue.splice(0));
  }

  async #sendAll(): Promise<void> {
    try {
      while (this.#write !== undefined && this.#queue.length > 0) {
        const batch = this.#takeBatch();
        if (this.#dropped > 0) {
          const { timeMs } = batch[0] ?? { timeMs: 0 };
          const message = `${this.#dropped} log lines were dropped: more than ${MAX_QUEUED_LINES} waited for the host`;
          batch.push({ level: 'warn', message, fieldsJson: '', requestId: '', timeMs });
          this.#dropped = 0;
        }
        this.#underWay = batch;
        try {
          await this.#write(WriteRequest.encode({ lines: batch.map(toWire) }).finish());
        } catch {
          this.#print(this.#underWay);
        }
        this.#underWay = [];
      }
    } finally {
      this.#sending = false;
      for (const done of this.#waiting.splice(0)) done();
    }
  }

  #takeBatch(): LogRecord[] {
    let chars = 0;
    let count = 0;
    for (const { message, fieldsJson } of this.#queue) {
      chars += message.length + fieldsJson.length;
      if (count > 0 && (chars > MAX_BATCH_CHARS || count >= MAX_BATCH_LINES)) break;
      count += 1;
    }
    return this.#queue.splice(0, count);
  }

  #print(records: readonly LogRecord[]): void {
    for (const record of records) this.#stderr(formatLine(record));
  }
}

function toWire(record: LogRecord): LogLine {
  return {
    level: WIRE_LEVEL[record.level],
    message: record.message,
    fieldsJson: record.fieldsJson,
    requestId: record.requestId,
    timeMs: BigInt(Math.trunc(record.timeMs)),
  };
}

/** The line format of hclog, which every go-plugin host reads from a plugin's stderr. */
function formatLine(record: LogRecord): string {
  const fields: unknown = record.fieldsJson === '' ? {} : parseJson(record.fieldsJson);
  const line = {
    ...(isPlainObject(fields) ? fields : {}),
    ...(record.requestId === '' ? {} : { request_id: record.requestId }),
    '@level': record.level,
    '@message': record.message,
    '@timestamp': new Date(record.timeMs).toISOString().replace('Z', '000Z'),
  };
  return `${JSON.stringify(line)}\n`;
}
