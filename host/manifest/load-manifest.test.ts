import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { isBulkheadError } from '@bulkhead/proto';
import { MANIFEST_SCHEMA, type JsonSchema } from '@bulkhead/proto/rules/schema';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadManifest, readManifest } from './load-manifest.js';
import { KEY_CONSUMERS } from './not-yet-used.js';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bulkhead-manifest-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), text);
  }
}

async function problems(): Promise<readonly string[]> {
  const read = await readManifest(directory);
  if (read.ok) return [];
  return read.problems.map(
    ({ code, file, line, message }) =>
      `${code} ${file?.slice(directory.length + 1) ?? ''}:${line ?? ''} ${message}`,
  );
}

describe('readManifest', () => {
  it.each(['plugin.yaml', 'plugin.yml', 'plugin.json', 'plugin.manifest.json'])('reads %s', async (name) => {
    await write({ [name]: '{"id": "com.example.a", "name": "A", "version": "1.0.0"}' });
    expect(await readManifest(directory)).toMatchObject({
      ok: true,
      file: join(directory, name),
      manifest: { id: 'com.example.a' },
    });
  });

  it('refuses schedules that could never fire', async () => {
    const schedule = (cron: string, timezone = 'UTC'): string => `
    - { name: s, cron: '${cron}', timezone: '${timezone}' }`;
    const manifest = (schedules: string): Promise<void> =>
      write({ 'plugin.yaml': `id: a.b\nname: A\nversion: 1.0.0\ncontributes:\n  schedules:${schedules}\n` });
    await manifest(schedule('*/5 * * * *', 'Europe/Vienna'));
    expect(await problems()).toEqual([]);
    await manifest(
      schedule('0 0 * * *') + schedule('61 * * * *') + schedule('0 0 30 2 *') + schedule('@daily'),
    );
    expect(await problems()).toEqual([
      expect.stringMatching(/^MANIFEST_INVALID plugin.yaml:7 "61 /),
      expect.stringMatching(/^MANIFEST_INVALID plugin.yaml:8 "0 0 30 2 \*" never fires/),
      expect.stringMatching(/^MANIFEST_INVALID plugin.yaml:9 expected five fields/),
    ]);
    await manifest(schedule('0 0 * * *', 'Mars/Olympus'));
    expect((await problems())[0]).toMatch(/:6 expected an IANA time zone, got "Mars\/Olympus"/);
  });

  it('refuses a directory with no manifest, or with two', async () => {
    expect((await problems())[0]).toMatch(/^MANIFEST_NOT_FOUND .*found none/);
    await write({ 'plugin.yaml': 'version: 1.0.0', 'plugin.json': '{}' });
    expect((await problems())[0]).toMatch(
      /^MANIFEST_NOT_FOUND .*found plugin.yaml and plugin.json. Keep one/,
    );
  });

  it('names file and line of every fault', async () => {
    await write({
      'plugin.yaml': [
        'id: com.example.a',
        'name: A',
        'version: 1.0.0',
        'hooks:',
        '  tool_pre_invoke:',
        '    priorty: 3',
        'permissions:',
        '  services:',
        '    - kv.read',
        '    - kv.raed',
        'plugin_type: studio',
        '',
      ].join('\n'),
    });
    expect(await problems()).toEqual([
      "MANIFEST_INVALID plugin.yaml:6 unknown key 'priorty'. Did you mean 'priority'?",
      "INVALID_SCOPE plugin.yaml:10 unknown scope 'kv.raed'. Did you mean 'kv.read'?",
      'INVALID_PLUGIN_TYPE plugin.yaml:11 expected one of gateway, ai_studio, agent, got "studio". Did you mean \'ai_studio\'?',
    ]);
  });

  it('names the line of broken YAML and JSON', async () => {
    await write({ 'plugin.yaml': 'id: a\nname: [\n' });
    expect((await problems())[0]).toMatch(/^MANIFEST_INVALID plugin.yaml:\d/);
    await rm(join(directory, 'plugin.yaml'));
    await write({ 'plugin.json': '{\n "id": "a",\n}\n' });
    expect((await problems())[0]).toMatch(/^MANIFEST_INVALID plugin.json:3 expected JSON/);
  });

  it('takes id, name and entry from package.json, and holds the version against it', async () => {
    await write({
      'plugin.yaml': 'version: 1.2.0\n',
      'package.json': JSON.stringify({
        name: '@acme/guard',
        version: '1.2.0',
        exports: { '.': { types: './dist/index.d.ts', import: './dist/index.js' } },
      }),
    });
    expect(await readManifest(directory)).toMatchObject({
      ok: true,
      manifest: { id: 'acme.guard', name: 'guard', packageName: '@acme/guard', entry: './dist/index.js' },
    });
    await write({ 'plugin.yaml': '\nversion: 1.3.0\n' });
    expect(await problems()).toEqual([
      'MANIFEST_MISMATCH plugin.yaml:2 expected 1.2.0 as in package.json, got 1.3.0. Make both equal.',
    ]);
  });

  it.each([
    ['./index.js', './index.js'],
    [{ import: './a.js', require: './b.cjs' }, './a.js'],
    [{ '.': { node: { import: './n.js' }, default: './d.js' } }, './n.js'],
    [{ '.': ['./list.js'] }, './list.js'],
    [undefined, 'main.js'],
  ])('finds the entry in exports %j', async (exports, entry) => {
    await write({
      'plugin.yaml': 'version: 1.0.0',
      'package.json': JSON.stringify({ name: 'a', version: '1.0.0', exports, main: 'main.js' }),
    });
    expect(await readManifest(directory)).toMatchObject({ manifest: { entry } });
  });

  it('refuses an entry of package.json that leaves the package', async () => {
    await write({
      'plugin.yaml': 'version: 1.0.0',
      'package.json': JSON.stringify({ name: 'a', version: '1.0.0', exports: '../b.js' }),
    });
    expect((await problems())[0]).toContain(
      "MANIFEST_INVALID package.json: expected `exports` to name a path inside the package, got '../b.js'.",
    );
  });

  it('refuses a manifest that is too large to read', async () => {
    await write({ 'plugin.yaml': `description: ${'x'.repeat(1024 * 1024)}` });
    expect((await problems())[0]).toContain('expected at most 1048576 bytes');
  });

  it('says what nothing uses yet, with its line', async () => {
    await write({
      'plugin.yaml':
        'id: a\nname: a\nversion: 1.0.0\nresource_types:\n  - slug: a\n    name: A\nhooks: [auth]\n',
    });
    const read = await readManifest(directory);
    expect(
      read.ok ? read.notices.map(({ code, line, message }) => [code, line, message.split(' is ')[0]]) : [],
    ).toEqual([
      ['NOT_YET_USED', 4, 'resource_types'],
      ['NOT_YET_USED', 7, "hook 'auth'"],
    ]);
  });

  it('throws for callers that cannot go on without, every problem told', async () => {
    await write({ 'plugin.yaml': 'id: a\n' });
    const error: unknown = await loadManifest(directory).catch((thrown: unknown) => thrown);
    expect(isBulkheadError(error) && error.code).toBe('MANIFEST_INVALID');
    expect(isBulkheadError(error) && error.problems.map((problem) => problem.path)).toEqual([
      'name',
      'version',
    ]);
  });
});

describe('the table of keys and who acts on them', () => {
  const open = new Set([
    'quality',
    'permissions',
    'compat',
    'limits',
    'contributes',
    'ui',
    'rpc',
    'security',
  ]);
  const members = (schema: unknown): readonly string[] =>
    Object.keys((schema as JsonSchema)['properties'] as JsonSchema);

  it('holds exactly the keys of the schema', () => {
    const properties = MANIFEST_SCHEMA['properties'] as Readonly<Record<string, unknown>>;
    const keys = Object.entries(properties).flatMap(([key, schema]) =>
      open.has(key) ? members(schema).map((member) => `${key}.${member}`) : [key],
    );
    expect(Object.keys(KEY_CONSUMERS).sort()).toEqual(keys.sort());
  });
});
