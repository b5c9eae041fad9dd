import type { Logger } from 'pino';
import type { Clock } from '../clock.js';
import { LineSplitter } from './line-splitter.js';
import { LogBudget } from './log-budget.js';
import { parseLogLine, printable, type ParsedLine } from './log-line.js';

/** Bytes of one line that are kept. */
export const MAX_LINE_BYTES = 64 * 1024;
/** Lines kept to explain an end. */
export const MAX_LAST_LINES = 50;
/** Bytes of each of these. */
const MAX_LAST_LINE_BYTES = 1024;
const LINES_PER_SECOND = 1_000;
const BURST_LINES = 2_000;
/** Redacting and writing a megabyte takes some 50 ms of the host's loop. */
const BYTES_PER_SECOND = 1_048_576;
const BURST_BYTES = 4 * BYTES_PER_SECOND;

export interface PluginLogOptions {
  /** Already carries the plugin's name. */
  readonly log: Logger;
  readonly clock: Clock;
  /** Takes secrets out of a text. */
  readonly redact: (text: string) => string;
}

/**
 * Everything that one plugin process says: stdout, stderr and LogService lines, into one logger under one budget.
 * Whatever comes is survived, in bounded memory, and reading never waits for anything.
 */
export class PluginLog {
  readonly stdout: LineSplitter;
  readonly stderr: LineSplitter;
  readonly #options: PluginLogOptions;
  readonly #budget: LogBudget;
  readonly #last: string[] = [];
  #log: Logger;

  constructor(options: PluginLogOptions) {
    this.#options = options;
    this.#log = options.log;
    this.#budget = new LogBudget({
      clock: options.clock,
      linesPerSecond: LINES_PER_SECOND,
      burstLines: BURST_LINES,
      bytesPerSecond: BYTES_PER_SECOND,
      burstBytes: BURST_BYTES,
      onDropped: (count) => {
        this.#log.warn(
          { dropped: count },
          `${count} lines of the plugin's log were over its rate and not kept`,
        );
      },
    });
    this.stdout = new LineSplitter(MAX_LINE_BYTES, (line, totalBytes) => {
      this.line('stdout', line, totalBytes);
    });
    this.stderr = new LineSplitter(MAX_LINE_BYTES, (line, totalBytes) => {
      this.line('stderr', line, totalBytes);
    });
  }

  /** From now on lines carry the process's number. */
  set pid(pid: number) {
    this.#log = this.#options.log.child({ plugin_pid: pid });
  }

  /** The host's own lines about this process. */
  get logger(): Logger {
    return this.#log;
  }

  /** The last lines, oldest first, at most 50; lines over the rate are among them. */
  lastLines(): string[] {
    return this.#last.map(this.#options.redact);
  }

  /** A text without the secrets that the host knows. */
  redact(text: string): string {
    return this.#options.redact(text);
  }

  /** Whether the plugin has sent more bytes than its rate allows, so that a message of it is not even decoded. */
  get inDebt(): boolean {
    return this.#budget.inDebt;
  }

  /** Counts bytes of a message that were looked at and are no line's that was written. */
  owe(bytes: number): void {
    this.#budget.owe(bytes);
  }

  /**
   * Writes a line that came as a message; its fields are read only when it is within the rate. False: it was not.
   *
   * @param bytes what the line counts as
   */
  write(
    line: Omit<ParsedLine, 'fields'>,
    bytes: number,
    readFields: () => ParsedLine['fields'],
    extra: Readonly<Record<string, unknown>>,
  ): boolean {
    this.#remember(printable(line.message.slice(0, MAX_LAST_LINE_BYTES)));
    if (!this.#budget.take(bytes)) return false;
    const message = this.#options.redact(printable(line.message.slice(0, MAX_LINE_BYTES)));
    const fields = readFields();
    this.#print({ ...line, message, ...(fields === undefined ? {} : { fields }) }, extra);
    return true;
  }

  /** Counts lines that nobody looked at. */
  drop(count: number): void {
    this.#budget.drop(count);
  }

  /** One line of a stream, of which `line` is what was kept. */
  line(stream: 'stdout' | 'stderr', line: Buffer, totalBytes: number): void {
    if (line.length === 0) return;
    this.#remember(printable(line.toString('utf8', 0, MAX_LAST_LINE_BYTES)));
    if (!this.#budget.take(line.length)) return;
    const cut = totalBytes - line.length;
    const parsed = parseLogLine(this.#options.redact(line.toString('utf8')));
    this.#print(parsed, cut === 0 ? { stream } : { stream, truncated_bytes: cut });
  }

  /** The process is gone: what is held comes out. */
  end(): void {
    this.stdout.end();
    this.stderr.end();
    this.#budget.report();
  }

  #print(line: ParsedLine, extra: Readonly<Record<string, unknown>>): void {
    const bindings = line.fields === undefined ? extra : { ...extra, fields: line.fields };
    this.#log[line.level](bindings, line.message);
  }

  #remember(text: string): void {
    this.#last.push(text);
    if (this.#last.length > MAX_LAST_LINES) this.#last.shift();
  }
}
