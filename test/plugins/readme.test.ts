import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { install, ROOT } from './workspace.test-support.js';

const CLI = join(ROOT, 'host', 'dist', 'cli', 'main.js');
const names = (await readdir(join(ROOT, 'plugins'), { withFileTypes: true }))
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);
const folder = await mkdtemp(join(tmpdir(), 'readme-'));

beforeAll(() => install(['--plugins-dir', join(folder, 'plugins')]));

afterAll(() => rm(folder, { recursive: true, force: true }));

describe.each(names)('the README of %s', (name) => {
  let text = '';

  beforeAll(async () => {
    text = await readFile(join(ROOT, 'plugins', name, 'README.md'), 'utf8');
  });

  it('shows configurations that are valid', async () => {
    const examples = [...text.matchAll(/```yaml\n(.*?)```/gs)].map(([, yaml]) => yaml ?? '');
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) {
      const file = join(folder, 'bulkhead.yaml');
      const host = `host: { plugins_dir: ${join(folder, 'plugins')}, env_allow: [PII_HASH_KEY] }\n`;
      await writeFile(file, `environment: development\n${host}${example}`);
      const run = promisify(execFile)(process.execPath, [CLI, 'config', 'check', '--config', file], {
        env: { PATH: process.env['PATH'], PII_HASH_KEY: 'a key of more than sixteen characters' },
      });
      expect((await run).stdout).toContain('valid');
    }
  });

  it('names every key of the configuration', async () => {
    const manifest = await readFile(join(ROOT, 'plugins', name, 'plugin.yaml'), 'utf8');
    const schema = manifest.slice(manifest.indexOf('\nconfig_schema:'));
    const keys = [...schema.matchAll(/^ {4}(\w+):$/gm)].map(([, key]) => key ?? '');
    expect(keys.length).toBeGreaterThan(0);
    for (const key of keys) expect(text).toMatch(new RegExp(`\`${key}(?:\`|\\.)`));
  });
});
