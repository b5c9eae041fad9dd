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

  /** Writes a line that came as a message; its fields are read only when it is within the rate. False: it was not. */
  write(
    line: Omit<ParsedLine, 'fields'>,
    readFields: () => ParsedLine['fields'],
    extra: Readonly<Record<string, unknown>>,
  ): boolean {
    this.#remember(printable(line.message.slice(0, MAX_LAST_LINE_BYTES)));
    if (!this.#budget.take()) return false;
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
    if (!this.#budget.take()) return;
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
