import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const ROOT = dirname(dirname(import.meta.dirname));
const OXLINT = join(ROOT, 'node_modules', 'oxlint', 'bin', 'oxlint');
const run = promisify(execFile);

let tree: string;

beforeEach(async () => {
  tree = await mkdtemp(join(tmpdir(), 'bulkhead-floors-'));
  await copyFile(join(ROOT, '.oxlintrc.json'), join(tree, '.oxlintrc.json'));
});

afterEach(async () => {
  await rm(tree, { recursive: true, force: true });
});

/** Lints one file of a repository that has nothing else; what the linter says about its imports. */
async function lintImport(file: string, statement: string): Promise<readonly string[]> {
  await mkdir(dirname(join(tree, file)), { recursive: true });
  await writeFile(join(tree, file), `${statement}\n`);
  const { stdout } = await run(process.execPath, [OXLINT, '--format', 'json', file], { cwd: tree }).catch(
    (error: unknown) => {
      if (error instanceof Error && 'stdout' in error) return { stdout: String(error.stdout) };
      throw error;
    },
  );
  const report = JSON.parse(stdout) as { readonly diagnostics: readonly { readonly code?: string }[] };
  return report.diagnostics
    .map(({ code }) => code ?? '')
    .filter((code) => code.includes('restricted-imports'));
}

const REFUSED = ['eslint(no-restricted-imports)'];

describe('the linter holds the floors', () => {
  test.each([
    ['an import from a floor above', 'host/dispatch/x.ts', "import { y } from '../gateway/y.js'; y();"],
    [
      'a type from a floor above',
      'host/sidecar/x.ts',
      "import type { Y } from '../dispatch/y.js'; export type X = Y;",
    ],
    ['a re-export from a floor above', 'host/config/x.ts', "export { y } from '../lifecycle/y.js';"],
    ['an import from a deeper folder', 'host/gateway/mcp/x.ts', "import { y } from '../../cli/y.js'; y();"],
    [
      'an import from the right on its floor',
      'host/catalog/x.ts',
      "import { y } from '../sidecar/y.js'; y();",
    ],
    ['the composition root', 'host/lifecycle/x.ts', "import { y } from '../daemon.js'; y();"],
    ['anything but the ground, from the ground', 'host/clock.ts', "import { y } from './config/y.js'; y();"],
    ['the sdk in the host', 'host/cli/x.ts', "import { y } from '@bulkhead/sdk'; y();"],
    ['the host in the sdk', 'sdk/x.ts', "import { y } from '@bulkhead/host'; y();"],
    ['the host in the contract', 'proto/rules/x.ts', "import { y } from '@bulkhead/host'; y();"],
    [
      'the contract in a plugin, past the sdk',
      'plugins/p/x.ts',
      "import { y } from '@bulkhead/proto/rules'; y();",
    ],
    [
      'a file of another package’s build',
      'host/cli/x.ts',
      "import { y } from '../../proto/dist/index.js'; y();",
    ],
  ])('reports %s', async (_what, file, statement) => {
    expect(await lintImport(file, statement)).toEqual(REFUSED);
  });

  test.each([
    ['a floor below', 'host/dispatch/x.ts', "import { y } from '../sidecar/y.js'; y();"],
    ['the left on the same floor', 'host/admin/x.ts', "import { y } from '../gateway/y.js'; y();"],
    ['the ground', 'host/manifest/x.ts', "import { y } from '../clock.js'; y();"],
    ['the contract', 'host/gateway/x.ts', "import { y } from '@bulkhead/proto/rules'; y();"],
    ['the daemon, from a command', 'host/cli/commands/x.ts', "import { y } from '../../daemon.js'; y();"],
    ['the sdk, from a plugin', 'plugins/p/x.ts', "import { y } from '@bulkhead/sdk'; y();"],
  ])('allows an import from %s', async (_what, file, statement) => {
    expect(await lintImport(file, statement)).toEqual([]);
  });
});
