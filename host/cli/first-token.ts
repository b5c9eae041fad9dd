import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cli } from './cli.js';

const TOKEN_FILE = 'first-admin-token';
const OWNER_ONLY = 0o600;

/**
 * Gives the first admin token to whoever started the daemon: on a terminal it is shown, once. Without one, what is
 * printed ends in somebody's log, so it goes to a file that only the owner reads.
 */
export async function handOver(cli: Cli, token: string, dataDir: string): Promise<void> {
  if (cli.errIsTerminal) {
    cli.err(`Admin token, shown this once: ${token}\nMake others with \`bulkhead token create\`.\n\n`);
    return;
  }
  const file = join(dataDir, TOKEN_FILE);
  await writeFile(file, `${token}\n`, { mode: OWNER_ONLY });
  cli.err(`The first admin token is in ${file}; keep it somewhere else and remove the file.\n\n`);
}
