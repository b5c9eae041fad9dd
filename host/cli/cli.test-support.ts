import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cli } from './cli.js';
import { run } from './run.js';

export interface Said {
  readonly out: string;
  readonly err: string;
  readonly code: number;
}

/** A program that touches nothing but the folder it is given, and what it said. */
export function createTestCli(cwd: string): { readonly cli: Cli; said(): Said } {
  let out = '';
  let err = '';
  let code = 0;
  const cli: Cli = {
    cwd,
    env: {},
    out(text) {
      out += text;
    },
    err(text) {
      err += text;
    },
    outIsTerminal: false,
    errIsTerminal: false,
    exitWith(next) {
      code = next;
    },
  };
  return { cli, said: () => ({ out, err, code }) };
}

/** Runs one command line in a folder. */
export async function runIn(cwd: string, ...args: readonly string[]): Promise<Said> {
  const { cli, said } = createTestCli(cwd);
  await run(cli, args);
  return said();
}

export function makeTestFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'bulkhead cli-'));
}
