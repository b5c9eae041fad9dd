import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

export const ROOT = join(import.meta.dirname, '..', '..');
const INSTALLER = join(ROOT, 'scripts', 'install-plugins.mjs');

/** What the installer prints with --json. */
export interface Report {
  readonly plugins: readonly {
    readonly id: string;
    readonly name: string;
    readonly key: string;
    readonly path: string;
    readonly status: 'current' | 'activated' | 'built';
    readonly packages: number;
  }[];
  readonly failures: readonly { readonly plugin: string; readonly message: string }[];
}

export async function install(args: readonly string[]): Promise<Report> {
  const run = promisify(execFile)(process.execPath, [INSTALLER, '--json', ...args], { timeout: 60_000 });
  const { stdout } = await run.catch((error: unknown) => {
    if (error instanceof Error && 'stdout' in error && error.stdout !== '')
      return { stdout: String(error.stdout) };
    throw error;
  });
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Report;
}
