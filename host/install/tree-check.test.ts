import {
  chmod,
  link,
  mkdir,
  mkdtemp,
  readFile,
  rename,
  rm,
  symlink,
  utimes,
  writeFile,
  stat,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkTree, type TreeCheck } from './tree-check.js';
import { fileLine, hashListing, linkLine, listTree, pathOfLine, splitListing, staysInside } from './tree.js';

let folder: string;
let root: string;
let check: TreeCheck;

const SHARED = 'node_modules/.pnpm/left@1.0.0/node_modules/left/index.js';

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tree-'));
  root = join(folder, 'root');
  await write('index.js', 'one');
  await write('dist/deep/two.js', 'two');
  await write(SHARED, 'left');
  await symlink('.pnpm/left@1.0.0/node_modules/left', join(root, 'node_modules', 'left'));
  const listing = listTree(root);
  await writeFile(join(folder, 'files'), listing.map((line) => `${line}\n`).join(''));
  const uid = process.getuid?.();
  check = {
    root,
    tree: hashListing(listing),
    listingFile: join(folder, 'files'),
    cacheFile: join(folder, 'cache', 'stamps.json'),
    ...(uid === undefined ? {} : { uid }),
  };
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const codes = (): readonly string[] =>
  checkTree(check).map(({ code, file = '' }) => `${code} ${file.slice(root.length + 1)}`);

/** Each with a cache of a good tree, and without any. */
describe.each(['with what was verified before', 'from nothing'])('a tree, %s', (how) => {
  beforeEach(() => {
    if (how !== 'from nothing') expect(checkTree(check)).toEqual([]);
  });

  it('is good when nothing changed', () => {
    expect(codes()).toEqual([]);
  });

  it('shows a changed byte, in the package and in a dependency', async () => {
    await write('index.js', 'ONE');
    await write(SHARED, 'LEFT');
    expect(codes().toSorted()).toEqual(['FILE_CHANGED index.js', `FILE_CHANGED ${SHARED}`]);
  });

  it('shows a changed byte behind the old size and time of a file of the package', async () => {
    const { atime, mtime } = await stat(join(root, 'index.js'));
    await write('index.js', 'eno');
    await utimes(join(root, 'index.js'), atime, mtime);
    expect(codes()).toEqual(['FILE_CHANGED index.js']);
  });

  it('shows a file that came, one that went, and one that became a folder', async () => {
    await write('dist/deep/new.js', '');
    expect(codes()).toEqual(['FILE_ADDED dist/deep/new.js']);
    await rm(join(root, 'dist/deep/new.js'));
    await rm(join(root, 'dist/deep/two.js'));
    expect(codes()).toEqual(['FILE_MISSING dist/deep/two.js']);
    await mkdir(join(root, 'dist/deep/two.js'));
    expect(codes()).toEqual(['FILE_MISSING dist/deep/two.js']);
  });

  it('shows a link that leads elsewhere or out', async () => {
    await rm(join(root, 'node_modules/left'));
    await symlink('../dist', join(root, 'node_modules/left'));
    expect(codes()).toEqual(['FILE_CHANGED node_modules/left']);
    await rm(join(root, 'node_modules/left'));
    await symlink('/etc', join(root, 'node_modules/left'));
    expect(codes()).toEqual(['FILE_LINK_REFUSED node_modules/left']);
  });

  it('shows an executable bit, a second name, and that others may write', async () => {
    await chmod(join(root, 'index.js'), 0o755);
    expect(codes()).toEqual(['FILE_CHANGED index.js']);
    await chmod(join(root, 'index.js'), 0o666);
    expect(codes()).toEqual(['WRITABLE_BY_OTHERS index.js']);
    await chmod(join(root, 'index.js'), 0o644);
    await link(join(root, 'index.js'), join(folder, 'second-name'));
    expect(codes()).toEqual(['FILE_LINK_REFUSED index.js']);
    await rm(join(folder, 'second-name'));
    await chmod(join(root, 'dist'), 0o777);
    expect(codes()).toEqual(['WRITABLE_BY_OTHERS dist']);
  });

  it('takes a second name of a dependency’s file: the store has one', async () => {
    await link(join(root, SHARED), join(folder, 'store-name'));
    expect(codes()).toEqual([]);
  });

  it('shows that it was swapped for another folder', async () => {
    await rename(root, join(folder, 'aside'));
    await mkdir(root);
    await write('index.js', 'one');
    expect(codes().toSorted()).toEqual(
      [
        'FILE_MISSING dist/deep/two.js',
        'FILE_MISSING node_modules/left',
        `FILE_MISSING ${SHARED}`,
      ].toSorted(),
    );
  });

  it('believes no listing that is not the pinned one, and still sees the change', async () => {
    await write('index.js', 'ONE');
    await writeFile(
      join(folder, 'files'),
      listTree(root)
        .map((line) => `${line}\n`)
        .join(''),
    );
    expect(codes()).toEqual(['FILE_CHANGED ']);
  });
});

it('reads nothing again whose stat did not change', async () => {
  expect(codes()).toEqual([]);
  // Proof that it was not read: the cache says of other bytes that they are good, under the stat that they have now.
  const cache = JSON.parse(await readFile(join(folder, 'cache', 'stamps.json'), 'utf8')) as {
    stamps: Record<string, number[]>;
  };
  await write(SHARED, 'LEFT');
  const { size, mtimeMs, ino, mode, uid } = await stat(join(root, SHARED));
  cache.stamps[SHARED] = [size, mtimeMs, ino, mode, uid, 0];
  await writeFile(join(folder, 'cache', 'stamps.json'), JSON.stringify(cache), { mode: 0o600 });
  expect(codes()).toEqual([]);
});

it('believes no cache that somebody else could have written, and none of another tree', async () => {
  expect(codes()).toEqual([]);
  const file = join(folder, 'cache', 'stamps.json');
  await write('index.js', 'ONE');
  const forged = JSON.parse(await readFile(file, 'utf8')) as {
    tree: string;
    stamps: Record<string, number[]>;
  };
  const { size, mtimeMs, ino, mode, uid, ctimeMs } = await stat(join(root, 'index.js'));
  forged.stamps['index.js'] = [size, mtimeMs, ino, mode, uid, ctimeMs];
  await writeFile(file, JSON.stringify(forged));
  await chmod(file, 0o666);
  expect(codes()).toEqual(['FILE_CHANGED index.js']);
  await writeFile(file, JSON.stringify({ ...forged, tree: 'sha512-other' }));
  await chmod(file, 0o600);
  expect(codes()).toEqual(['FILE_CHANGED index.js']);
});

describe('a listing', () => {
  const path = fc.string({ unit: 'binary', minLength: 1 });

  it('keeps any path in one line, and gives it back', () => {
    fc.assert(
      fc.property(path, path, (name, target) => {
        for (const line of [fileLine(name, 'a'.repeat(64), 0o644), linkLine(name, target)]) {
          expect(line).not.toContain('\n');
          expect(pathOfLine(line)).toBe(name);
        }
      }),
    );
  });

  it('sets the files of the host’s SDK apart', () => {
    const sdk = fileLine('node_modules/@bulkhead/sdk/dist/index.js', 'a', 0o444);
    const own = fileLine('node_modules/@bulkhead/sdkish/index.js', 'b', 0o644);
    expect(splitListing([sdk, own])).toEqual({ own: [own], sdk: [fileLine('dist/index.js', 'a', 0o444)] });
  });
});

describe('a link', () => {
  it.each([
    ['node_modules/left', '.pnpm/left@1.0.0/node_modules/left', true],
    ['a/b/c', '../../d', true],
    ['a/b/c', '../../../d', false],
    ['a', '/etc/passwd', false],
    ['a', '..', false],
    // Through another link, dots that come after a name could lead anywhere.
    ['a', 'b/../c', false],
    ['a', './b', false],
  ])('%s to %s stays inside: %s', (path, target, inside) => {
    expect(staysInside({ path, target })).toBe(inside);
  });
});
