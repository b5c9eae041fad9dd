import { chmod, link, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { isBulkheadError } from '@bulkhead/proto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockPlacedPlugin, placedFaults } from './placed-plugin.js';
import { checkTree } from './tree-check.js';

let folder: string;
let root: string;

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
}

const read = (path: string): Promise<string> => readFile(join(root, path), 'utf8');

/** `CODE file` of each fault, relative to the directory; a lock that cannot be read is one too. */
async function faults(): Promise<readonly string[]> {
  const rules = { environment: 'development', cacheDir: join(folder, 'cache') };
  try {
    const found = await placedFaults(root, { id: 'dev.test.guard', version: '1.0.0' }, rules, (check) =>
      Promise.resolve(checkTree(check)),
    );
    return found.map(({ code, file = '' }) => `${code} ${file.slice(root.length + 1)}`);
  } catch (error) {
    if (!isBulkheadError(error)) throw error;
    return [error.code];
  }
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'placed-'));
  root = join(folder, 'guard');
  await write(
    'package.json',
    '{"name":"@test/guard","version":"1.0.0","type":"module","exports":"./index.js"}',
  );
  await write('plugin.yaml', 'id: dev.test.guard\nname: guard\nversion: 1.0.0\nhooks: [tool_pre_invoke]\n');
  await write('index.js', 'export default {};\n');
  await write('lib/deep.js', 'deep');
  await write('node_modules/left/index.js', 'left');
  await lockPlacedPlugin(root);
  expect(await faults()).toEqual([]);
});

afterEach(() => rm(folder, { recursive: true, force: true }));

describe('a directory that was placed by hand and locked', () => {
  it.each(['index.js', 'lib/deep.js', 'node_modules/left/index.js', 'plugin.yaml'])(
    'is held to every byte of %s, by name',
    async (path) => {
      await write(path, `${await read(path)} `);
      expect(await faults()).toEqual([`FILE_CHANGED ${path}`]);
    },
  );

  it('is held to what is in it, to its modes and to its links', async () => {
    await rm(join(root, 'lib/deep.js'));
    expect(await faults()).toEqual(['FILE_MISSING lib/deep.js']);
    await write('lib/deep.js', 'deep');
    await write('lib/new.js', '');
    expect(await faults()).toEqual(['FILE_ADDED lib/new.js']);
    await rm(join(root, 'lib/new.js'));
    await chmod(join(root, 'lib'), 0o777);
    expect(await faults()).toEqual(['WRITABLE_BY_OTHERS lib']);
    await chmod(join(root, 'lib'), 0o755);
    await link(join(root, 'index.js'), join(folder, 'another-name.js'));
    expect(await faults()).toEqual(['FILE_LINK_REFUSED index.js']);
    await rm(join(folder, 'another-name.js'));
    expect(await faults()).toEqual([]);
  });

  it.each([
    ['a line under the old hash', (text: string) => text.replace(/f [0-9a-f]{4}/, 'f 0000'), 'LOCK_INVALID'],
    ['another hash', (text: string) => text.replace(/"sha512-...../, '"sha512-AAAAA'), 'LOCK_INVALID'],
    ['a weak hash', (text: string) => text.replace(/sha512-[^"]*/, 'sha1-x'), 'LOCK_INVALID'],
    ['no hash', (text: string) => text.replace(/"integrity": "[^"]*",/, ''), 'LOCK_INVALID'],
    ['another format', (text: string) => text.replace('"format": 1', '"format": 2'), 'LOCK_INVALID'],
    [
      'another version',
      (text: string) => text.replace('"1.0.0"', '"2.0.0"'),
      'MANIFEST_MISMATCH plugin.lock.json',
    ],
  ])('is refused with a lock that has %s', async (_what, tamper, fault) => {
    await write('plugin.lock.json', tamper(await read('plugin.lock.json')));
    expect(await faults()).toEqual([fault]);
  });

  it('is still held to its bytes by a lock that has no list, without the name', async () => {
    const { files: _files, ...bare } = JSON.parse(await read('plugin.lock.json')) as { files: unknown };
    await write('plugin.lock.json', JSON.stringify(bare));
    expect(await faults()).toEqual([]);
    await write('lib/deep.js', 'changed');
    expect(await faults()).toEqual(['FILE_CHANGED ']);
  });
});
