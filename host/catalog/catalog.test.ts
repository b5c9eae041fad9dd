import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openCatalog } from './catalog.js';
import { CLASS_NAMES } from './class-names.js';

let root: string;

beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'bulkhead-catalog-')));
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

async function install(
  id: string,
  manifest: Readonly<Record<string, unknown>>,
  packageName?: string,
): Promise<string> {
  const directory = join(root, id, '1.0.0-key');
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'plugin.json'), JSON.stringify({ version: '1.0.0', ...manifest }));
  if (packageName !== undefined)
    await writeFile(join(directory, 'package.json'), JSON.stringify({ name: packageName, version: '1.0.0' }));
  await symlink('1.0.0-key', join(root, id, 'current'));
  return directory;
}

describe('openCatalog', () => {
  it('finds what is installed, by the directory that is current', async () => {
    const directory = await install('com.example.a', { id: 'com.example.a', name: 'A' });
    await mkdir(join(root, 'half-installed'));
    await mkdir(join(root, '.staging', 'current'), { recursive: true });
    const catalog = await openCatalog(root);
    expect(catalog.entries).toMatchObject([{ ok: true, directory, manifest: { id: 'com.example.a' } }]);
  });

  it('is empty where the folder is not there', async () => {
    expect((await openCatalog(join(root, 'none'))).entries).toEqual([]);
  });

  it('finds a plugin by id, package name and manifest name, dashes and underscores alike', async () => {
    await install('acme.pii-filter', { name: 'pii_filter' }, '@acme/pii-filter');
    const catalog = await openCatalog(root);
    for (const name of [
      'acme.pii-filter',
      'acme.pii_filter',
      '@acme/pii-filter',
      '@acme/pii_filter',
      'pii_filter',
      'pii-filter',
      'PII-Filter',
    ]) {
      expect(catalog.byName(name), name).toMatchObject({
        ok: true,
        plugin: { manifest: { id: 'acme.pii-filter' } },
      });
    }
  });

  it('suggests a name when none fits', async () => {
    await install('com.example.a', { id: 'com.example.a', name: 'token-budget' });
    const catalog = await openCatalog(root);
    expect(catalog.byName('token_bugdet')).toMatchObject({
      problems: [
        {
          code: 'PLUGIN_NOT_FOUND',
          message: "no plugin is installed for 'token_bugdet'. Did you mean 'token-budget'?",
        },
      ],
    });
    expect(catalog.byName('something')).toMatchObject({
      problems: [
        {
          message: "no plugin is installed for 'something'. Install it, or name its directory in `plugin:`.",
        },
      ],
    });
  });

  it('refuses a name that fits two', async () => {
    await install('one.filter', { id: 'one.filter', name: 'filter' });
    await install('two.filter', { id: 'two.filter', name: 'filter' });
    const catalog = await openCatalog(root);
    expect(catalog.byName('filter')).toMatchObject({ problems: [{ code: 'PLUGIN_AMBIGUOUS' }] });
    expect(catalog.byName('two.filter')).toMatchObject({ ok: true });
  });

  it('keeps a broken manifest as an entry, and tells its faults to whoever wants that plugin', async () => {
    await install('com.example.a', { id: 'com.example.a', name: 'A', hoks: [] });
    const catalog = await openCatalog(root);
    expect(catalog.entries).toMatchObject([{ ok: false, name: 'com.example.a' }]);
    expect(catalog.byName('com.example.a')).toMatchObject({
      ok: false,
      problems: [{ code: 'MANIFEST_INVALID', path: 'hoks' }],
    });
  });

  it('reads a directory that is named outright', async () => {
    const directory = await install('com.example.a', { id: 'com.example.a', name: 'A' });
    const catalog = await openCatalog(join(root, 'none'));
    expect(await catalog.byDirectory(directory)).toMatchObject({ ok: true, plugin: { directory } });
    expect(await catalog.byDirectory(join(root, 'nothing'))).toMatchObject({
      problems: [{ code: 'PLUGIN_NOT_FOUND' }],
    });
    expect(await catalog.byDirectory(root)).toMatchObject({ problems: [{ code: 'MANIFEST_NOT_FOUND' }] });
  });

  it.each(Object.entries(CLASS_NAMES))('reads the class %s as %s', async (name, meant) => {
    await install(meant, { id: `bulkhead.${meant}`, name: meant });
    const catalog = await openCatalog(root);
    expect(catalog.byName(name)).toMatchObject({
      ok: true,
      plugin: { alias: `class '${name}' is read as the plugin '${meant}'.`, manifest: { name: meant } },
    });
  });
});
