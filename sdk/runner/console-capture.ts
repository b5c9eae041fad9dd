import { format } from 'node:util';
import type { Logger, LogLevelName } from '../logger.js';

/** Longest unfinished line that is kept, in UTF-16 units; then it is logged as it is. */
const MAX_LINE_CHARS = 64 * 1024;

const CONSOLE_LEVELS = {
  log: 'info',
  info: 'info',
  warn: 'warn',
  error: 'error',
  debug: 'debug',
  trace: 'debug',
  dir: 'info',
} as const satisfies Record<string, LogLevelName>;

export type WriteText = (text: string) => void;

/**
 * Turns `console.*` and everything else that the plugin writes to stdout into log lines. stdout belongs to the handshake,
 * and a host reads nothing else there.
 *
 * @returns writes to the real stdout
 */
export function captureStdout(stdout: NodeJS.WriteStream, console: Console, log: Logger): WriteText {
  const write = stdout.write.bind(stdout);
  for (const name of Object.keys(CONSOLE_LEVELS) as (keyof typeof CONSOLE_LEVELS)[]) {
    const level = CONSOLE_LEVELS[name];
    console[name] = (...values: readonly unknown[]) => {
      log[level](format(...values));
    };
  }
  const lines = createLineSplitter((line) => {
    log.info(line, { stream: 'stdout' });
  });
  function captured(
    chunk: string | Uint8Array,
    encodingOrDone?: BufferEncoding | ((error?: Error | null) => void),
    done?: (error?: Error | null) => void,
  ): boolean {
    lines(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8'));
    const callback = typeof encodingOrDone === 'function' ? encodingOrDone : done;
    if (callback !== undefined) process.nextTick(callback);
    return true;
  }
  stdout.write = captured;
  return (text) => {
    write(text);
  };
}

function createLineSplitter(onLine: (line: string) => void): (text: string) => void {
  let rest = '';
  return (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE_CHARS) {
      lines.push(rest);
      rest = '';
    }
    for (const line of lines) if (line !== '') onLine(line);
  };
}
