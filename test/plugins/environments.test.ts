import { execFile } from 'node:child_process';
import { lstat, mkdtemp, readdir, realpath, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, sep } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { install, type Report } from './workspace.test-support.js';

const NAMES = [
  'approval-system',
  'audit-logger',
  'hook-recorder',
  'latency-tracker',
  'llm-validator',
  'notes',
  'pii-filter',
  'token-budget',
  'tool-allowlist',
];

describe('the environments of the plugins of this repository', () => {
  let folder = '';
  let report: Report;

  beforeAll(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'environments-')));
    report = await install(['--plugins-dir', folder]);
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  const pathOf = (name: string): string => report.plugins.find((plugin) => plugin.name === name)?.path ?? '';

  it('are there for each of them', () => {
    expect(report.failures).toEqual([]);
    expect(report.plugins.map(({ name }) => name)).toEqual(NAMES);
  });

  it('hold real folders of their own, with the SDK and its bundled runner, and no link that leaves them', async () => {
    for (const name of NAMES) {
      const path = pathOf(name);
      expect((await lstat(join(path, 'node_modules'))).isDirectory()).toBe(true);
      expect((await stat(join(path, 'node_modules', '@bulkhead', 'sdk', 'dist', 'bin.cjs'))).isFile()).toBe(
        true,
      );
      for (const entry of await readdir(path, { recursive: true, withFileTypes: true })) {
        if (!entry.isSymbolicLink()) continue;
        expect(await realpath(join(entry.parentPath, entry.name))).toMatch(new RegExp(`^${path}${sep}`));
      }
    }
  });

  it('give two plugins two majors of one library, each loaded in a process of its own', async () => {
    const loaded = await Promise.all(
      ['latency-tracker', 'token-budget'].map((name) => lruCacheOf(pathOf(name))),
    );
    expect(loaded.map(({ version }) => version.split('.')[0])).toEqual(['10', '11']);
    for (const [index, { file }] of loaded.entries()) {
      expect(file.startsWith(pathOf(['latency-tracker', 'token-budget'][index] ?? '') + sep)).toBe(true);
    }
  });
});

/** Loads a plugin's entry as its runner does, and says which lru-cache that loaded. */
async function lruCacheOf(path: string): Promise<{ readonly version: string; readonly file: string }> {
  const program = `
    import { registerHooks } from 'node:module';
    import { readFileSync } from 'node:fs';
    import { fileURLToPath } from 'node:url';
    const loaded = [];
    registerHooks({
      load(url, context, next) {
        loaded.push(url);
        return next(url, context);
      },
    });
    await import(${JSON.stringify(join(path, 'dist', 'index.js'))});
    const file = fileURLToPath(loaded.find((url) => url.includes('/lru-cache/')));
    const home = file.slice(0, file.indexOf('/lru-cache/') + '/lru-cache/'.length);
    const { version } = JSON.parse(readFileSync(home + 'package.json', 'utf8'));
    console.log(JSON.stringify({ version, file }));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: path,
    timeout: 30_000,
  });
  return JSON.parse(stdout) as { version: string; file: string };
}
