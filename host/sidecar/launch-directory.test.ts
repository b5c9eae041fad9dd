import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createLaunchDirectory, MAX_SOCKET_PATH_BYTES } from './launch-directory.js';

let parent: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'bh-dir-'));
});
afterEach(() => {
  rmSync(parent, { recursive: true });
});

test('a launch directory is private, beside its record, and both go at the end', async () => {
  const runDir = join(parent, 'run');
  const directory = await createLaunchDirectory(runDir, 'probe');
  await directory.recordPlugin(process.pid);
  expect(statSync(runDir).mode & 0o777).toBe(0o700);
  expect(statSync(directory.path).mode & 0o777).toBe(0o700);
  expect(readdirSync(directory.path)).toEqual([]);
  expect(readdirSync(runDir)).toHaveLength(2);
  await directory.remove();
  await directory.remove();
  expect(readdirSync(runDir)).toEqual([]);
});

test('a socket fits into it however long the run directory’s path is', async () => {
  const runDir = join(parent, 'r'.repeat(60), 'u'.repeat(60));
  const directory = await createLaunchDirectory(runDir, 'probe');
  expect(Buffer.byteLength(join(directory.path, 'x'.repeat(30)))).toBeLessThanOrEqual(MAX_SOCKET_PATH_BYTES);
  expect(readdirSync(runDir)).toHaveLength(1);
  await directory.remove();
  expect(existsSync(directory.path)).toBe(false);
  expect(readdirSync(runDir)).toEqual([]);
});

test('what a plugin left is removed with it: no permissions, links out of it, many levels', async () => {
  const directory = await createLaunchDirectory(join(parent, 'run'), 'probe');
  const outside = join(parent, 'outside');
  mkdirSync(join(directory.path, 'a', 'b', 'c'), { recursive: true });
  writeFileSync(outside, 'keep');
  symlinkSync(outside, join(directory.path, 'a', 'link'));
  chmodSync(join(directory.path, 'a', 'b'), 0o000);
  await directory.remove();
  expect(existsSync(directory.path)).toBe(false);
  expect(existsSync(outside)).toBe(true);
});
