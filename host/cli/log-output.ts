import { pino } from 'pino';
import type { LogTail } from '../admin/log-tail.js';
import { prettyLine } from '../telemetry/pretty.js';

/** Lines waiting for a slow reader of standard output; beyond it new ones are dropped. */
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024;
const STANDARD_OUTPUT = 1;

export interface LogOutput {
  write(line: string): void;
  flush(done: () => void): void;
}

/** Where the daemon's log goes: standard output, without ever blocking on it, and the tail that `plugin logs` reads. */
export function createLogOutput(tail: LogTail, pretty: boolean): LogOutput {
  const out = pino.destination({
    dest: STANDARD_OUTPUT,
    sync: false,
    minLength: 0,
    maxLength: MAX_BUFFERED_BYTES,
  });
  // A reader that went away must not end the daemon.
  out.on('error', () => undefined);
  return {
    write(line) {
      tail.write(line);
      out.write(pretty ? prettyLine(line) : line);
    },
    flush(done) {
      out.flush(done);
    },
  };
}
