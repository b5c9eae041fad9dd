import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { emptyDirectory, openDirectory } from './anchored.js';
import { handOver } from './hand-over.js';
import { NO_OWN_USERS, RANGE } from './own-user.test-support.js';

const uid = RANGE.first;

describe.skipIf(NO_OWN_USERS !== undefined)('a directory that another user could write to', () => {
  let folder: string;
  let own: string;
  let foreign: string;
  const ownerOf = (path: string): number => lstatSync(path).uid;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bh-hand-over-'));
    own = join(folder, 'own');
    foreign = join(folder, 'foreign');
    mkdirSync(own);
    mkdirSync(foreign);
    writeFileSync(join(foreign, 'key'), 'secret', { mode: 0o600 });
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  test('is given to a user with all that is in it', async () => {
    mkdirSync(join(own, 'deep', 'er'), { recursive: true });
    writeFileSync(join(own, 'deep', 'er', 'file'), 'text');
    chmodSync(own, 0o777);
    expect(await handOver(own, uid)).toEqual({ kept: 0 });
    for (const path of ['.', 'deep', 'deep/er', 'deep/er/file'])
      expect([path, ownerOf(join(own, path))]).toEqual([path, uid]);
    expect(lstatSync(own)).toMatchObject({ gid: uid, mode: 0o040700 });
  });

  test('is given away with nothing that was planted in it: links, second names of files, devices', async () => {
    symlinkSync(foreign, join(own, 'directory'));
    symlinkSync(join(foreign, 'key'), join(own, 'file'));
    linkSync(join(foreign, 'key'), join(own, 'second-name'));
    execFileSync('mknod', [join(own, 'device'), 'c', '1', '3']);
    execFileSync('mkfifo', [join(own, 'pipe')]);
    expect(await handOver(own, uid)).toEqual({ kept: 1 });
    expect(ownerOf(foreign)).toBe(0);
    expect(ownerOf(join(foreign, 'key'))).toBe(0);
    expect(ownerOf(join(own, 'device'))).toBe(0);
  });

  test('is not given away in place of a link', async () => {
    symlinkSync(foreign, join(folder, 'link'));
    await expect(handOver(join(folder, 'link'), uid)).rejects.toThrow(/ENOTDIR|ELOOP/);
    expect(ownerOf(foreign)).toBe(0);
  });

  test('that holds too much, or is too deep, is an error that says what to do, and stays to be given', async () => {
    for (let file = 0; file < 5; file += 1) writeFileSync(join(own, String(file)), '');
    await expect(handOver(own, uid, uid, 4)).rejects.toMatchObject({
      code: 'LIMIT_EXCEEDED',
      message: expect.stringContaining(`chown -R --no-dereference ${uid}:${uid}`),
    });
    expect(ownerOf(own)).toBe(0);
    mkdirSync(join(own, ...Array.from({ length: 210 }, () => 'd')), { recursive: true });
    await expect(handOver(own, uid)).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
  });

  test('is emptied however deep it is', async () => {
    const deep = join(own, ...Array.from({ length: 450 }, () => 'd'));
    mkdirSync(deep, { recursive: true });
    writeFileSync(join(deep, 'file'), '');
    const directory = await openDirectory(own);
    await emptyDirectory(directory);
    await directory.close();
    expect(readdirSync(own)).toEqual([]);
  });

  test('is emptied as it is, also when its path leads elsewhere meanwhile, and no name is too strange', async () => {
    mkdirSync(join(own, 'inner'));
    symlinkSync(foreign, join(own, 'inner', 'link'));
    writeFileSync(Buffer.concat([Buffer.from(`${own}/`), Buffer.from([0xff, 0xfe])]), '');
    chmodSync(join(own, 'inner'), 0);
    const directory = await openDirectory(own);
    renameSync(own, join(folder, 'away'));
    symlinkSync(foreign, own);
    await emptyDirectory(directory);
    await directory.close();
    expect(readdirSync(join(folder, 'away'))).toEqual([]);
    expect(lstatSync(join(folder, 'away'))).toMatchObject({ uid: 0 });
    expect(existsSync(join(foreign, 'key'))).toBe(true);
  });
});
