import { userInfo } from 'node:os';
import type { Terminal } from '../grants/decide.js';
import type { Cli } from './cli.js';

/** The person at the terminal; undefined when there is none. */
export function terminalOf(cli: Cli): Terminal | undefined {
  const { ask } = cli;
  if (ask === undefined) return undefined;
  return {
    say: (text) => {
      cli.err(text);
    },
    ask,
  };
}

/** Who acts, for the records: the person behind sudo, else the user of the process. */
export function actorOf(cli: Cli): string {
  const behind = cli.env['SUDO_USER'];
  if (behind !== undefined && behind !== '') return behind;
  try {
    return userInfo().username;
  } catch {
    // A user id without an entry in the user database, as containers have.
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
