import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WALLS } from '../launch.test-support.js';
import { parseFeatures } from './bubblewrap.js';
import { parseLdd } from './libraries.js';
import { explainRefusal, probeSandbox } from './probe-sandbox.js';

const machine = { platform: process.platform, arch: process.arch, node: process.execPath };

test.runIf(WALLS.includes('strict'))('on a machine where it works, it says with what', async () => {
  expect(await probeSandbox(machine)).toMatchObject({
    kind: 'works',
    version: expect.stringContaining('bubblewrap'),
  });
});

test('another system has none', async () => {
  expect(await probeSandbox({ ...machine, platform: 'darwin' })).toMatchObject({ kind: 'unsupported' });
});

describe('a refusal is explained by what the system says of itself', () => {
  const explain = (files: Readonly<Record<string, string>>): Promise<object> =>
    explainRefusal('bwrap: setting up uid map: Permission denied\n', (file) => {
      const text = files[file];
      return text === undefined ? Promise.reject(new Error('ENOENT')) : Promise.resolve(text);
    });

  test.each([
    [
      'user namespaces switched off',
      { '/proc/sys/user/max_user_namespaces': '0\n' },
      'user.max_user_namespaces',
    ],
    [
      'user namespaces kept to root',
      { '/proc/sys/kernel/unprivileged_userns_clone': '0\n' },
      'kernel.unprivileged_userns_clone=1',
    ],
    [
      'AppArmor of Ubuntu',
      { '/proc/sys/kernel/apparmor_restrict_unprivileged_userns': '1\n' },
      'bwrap-userns-restrict',
    ],
    ['Docker', { '/.dockerenv': '' }, '--security-opt seccomp='],
    ['Podman', { '/run/.containerenv': '' }, '--security-opt'],
    ['Kubernetes', { '/proc/1/cgroup': '0::/kubepods.slice/pod1\n' }, 'hostUsers: false'],
    ['nothing known', {}, 'host.sandbox: basic'],
  ])('%s', async (_what, files, fix) => {
    const fault = await explain(files);
    expect(fault).toMatchObject({ kind: 'refused', fix: expect.stringContaining(fix) });
    expect(fault).toMatchObject({ found: expect.stringContaining('setting up uid map: Permission denied') });
  });
});

describe('with a bubblewrap of our own making', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bh-bin-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });
  const install = (script: string): void => {
    writeFileSync(join(folder, 'bwrap'), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, 'bwrap'), 0o755);
  };

  test('one that fails is refused, with its words', async () => {
    install(
      'case "$1" in --help) echo usage;; --version) echo bubblewrap 9;; *) echo "bwrap: No permissions" >&2; exit 1;; esac',
    );
    const probe = await probeSandbox({ ...machine, programs: [folder] });
    expect(probe).toMatchObject({ kind: 'refused', found: expect.stringContaining('bwrap: No permissions') });
  });

  test('an old one works, and what it lacks is said', async () => {
    install('case "$1" in --help) echo usage;; --version) echo bubblewrap 0.4;; *) exit 0;; esac');
    const probe = await probeSandbox({ ...machine, programs: [folder] });
    expect(probe).toMatchObject({
      kind: 'works',
      features: { disableUserns: false, bindByDescriptor: false, sizedTmpfs: false },
    });
    expect(probe.kind === 'works' ? probe.missing.length : 0).toBeGreaterThanOrEqual(3);
  });

  test('none is not-installed, with how to get it', async () => {
    const probe = await probeSandbox({ ...machine, programs: [join(folder, 'empty')] });
    expect(probe).toMatchObject({
      kind: 'not-installed',
      fix: expect.stringContaining('apt-get install bubblewrap'),
    });
  });
});

test('features are read from the help text', () => {
  expect(parseFeatures('--disable-userns  x\n--ro-bind-fd FD DEST\n--size BYTES')).toEqual({
    disableUserns: true,
    bindByDescriptor: true,
    sizedTmpfs: true,
  });
});

test('libraries are read from what ldd prints, of glibc and of musl', () => {
  const glibc =
    '\tlinux-vdso.so.1 (0x00007f0d)\n\tlibm.so.6 => /lib/libm.so.6 (0x00007f0d)\n\t/lib64/ld-linux.so.2 (0x00007f0d)\n';
  expect(parseLdd(glibc)).toEqual(['/lib/libm.so.6', '/lib64/ld-linux.so.2']);
  expect(
    parseLdd('\t/lib/ld-musl-x86_64.so.1 (0x7f2a)\n\tlibstdc++.so.6 => /usr/lib/libstdc++.so.6 (0x7f)\n'),
  ).toEqual(['/lib/ld-musl-x86_64.so.1', '/usr/lib/libstdc++.so.6']);
});
