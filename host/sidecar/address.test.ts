import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resolveTarget } from './address.js';

let parent: string;
let launchDir: string;
beforeAll(() => {
  parent = realpathSync(mkdtempSync(join(tmpdir(), 'bh-addr-')));
  launchDir = join(parent, 'launch');
  mkdirSync(join(launchDir, 'sub'), { recursive: true });
  mkdirSync(join(parent, 'launch-other'));
  for (const file of ['launch/s', 'launch/sub/s', 'launch-other/s', 'outside'])
    writeFileSync(join(parent, file), '');
  symlinkSync(join(parent, 'outside'), join(launchDir, 'link'));
  symlinkSync(parent, join(launchDir, 'up'));
  symlinkSync(join(launchDir, 's'), join(parent, 'way-in'));
  symlinkSync('s', join(launchDir, 'inner'));
});
afterAll(() => {
  rmSync(parent, { recursive: true });
});

const resolveIt = (network: 'unix' | 'tcp', address: string, allowed: 'unix' | 'tcp'): Promise<string> =>
  resolveTarget({ appVersion: 1, network, address }, allowed, launchDir);

test('a socket in the launch directory is taken, by its real path', async () => {
  expect(await resolveIt('unix', `${launchDir}/s`, 'unix')).toBe(`unix:${launchDir}/s`);
  expect(await resolveIt('unix', `${launchDir}/sub/../sub/s`, 'tcp')).toBe(`unix:${launchDir}/sub/s`);
  expect(await resolveIt('unix', `${launchDir}/inner`, 'unix')).toBe(`unix:${launchDir}/s`);
});

test.for([
  '',
  '/',
  '/../outside',
  '/../way-in',
  '/link',
  '/up/outside',
  '/up/launch-other/s',
  '-other/s',
  '/missing',
  '/s\0',
])('the launch directory followed by %j is refused', async (tail) => {
  await expect(resolveIt('unix', `${launchDir}${tail}`, 'unix')).rejects.toMatchObject({
    code: 'ADDRESS_REFUSED',
  });
});

test.for(['s', './s', '@abstract', '\0abstract'])('the address %j is refused', async (address) => {
  await expect(resolveIt('unix', address, 'unix')).rejects.toMatchObject({ code: 'ADDRESS_REFUSED' });
});

test('loopback TCP is taken where the entry allows TCP', async () => {
  expect(await resolveIt('tcp', '127.0.0.1:1234', 'tcp')).toBe('dns:127.0.0.1:1234');
  expect(await resolveIt('tcp', '[::1]:1234', 'tcp')).toBe('dns:[::1]:1234');
  await expect(resolveIt('tcp', '127.0.0.1:1234', 'unix')).rejects.toMatchObject({ code: 'ADDRESS_REFUSED' });
});

test.for([
  '127.0.0.1',
  '127.0.0.1:0',
  '127.0.0.1:70000',
  '10.0.0.1:80',
  'localhost:80',
  '127.evil.org:80',
  '::1:80',
  '0.0.0.0:80',
])('TCP %j is refused', async (address) => {
  await expect(resolveIt('tcp', address, 'tcp')).rejects.toMatchObject({ code: 'ADDRESS_REFUSED' });
});
