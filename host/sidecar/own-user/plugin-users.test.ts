import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { describeLaunch, LogTape } from '../launch.test-support.js';
import type { LaunchDescription } from '../sidecar.js';
import { NO_OWN_USERS, HostFolder, RANGE, runAs } from './own-user.test-support.js';
import { createPluginUsers, type PluginUsers, type Tenant } from './plugin-users.js';
import { processesOf } from './user-processes.js';

describe.skipIf(NO_OWN_USERS !== undefined)('users of their own for plugins', () => {
  const tape = new LogTape();
  const tenants: Tenant[] = [];
  let at: HostFolder;
  beforeEach(async () => {
    at = new HostFolder();
    await at.wall('basic');
  });
  afterEach(async () => {
    for (const tenant of tenants.splice(0)) await tenant.leave();
    at.remove();
  });

  const users = (range = RANGE, refuse = false): PluginUsers =>
    createPluginUsers({ range, runAs: runAs(), refuse });
  const entry = (name: string, change: Partial<LaunchDescription> = {}): LaunchDescription =>
    describeLaunch({ name, dataDir: at.entry(name), ...change });
  const enter = async (from: PluginUsers, description: LaunchDescription): Promise<Tenant> => {
    const tenant = await from.enter(description, tape.log);
    tenants.push(tenant);
    return tenant;
  };

  test('all processes of an entry have one, no two entries share, and it stays the same over restarts', async () => {
    const first = users();
    const all = await Promise.all(['a', 'b', 'a', 'c', 'b'].map((name) => enter(first, entry(name))));
    const [a, b, again, c, bAgain] = all.map(({ uid }) => uid);
    expect([again, bAgain]).toEqual([a, b]);
    expect(new Set([a, b, c]).size).toBe(3);
    for (const tenant of tenants.splice(0)) await tenant.leave();
    const later = users();
    expect((await enter(later, entry('b'))).uid).toBe(b);
    expect((await enter(later, entry('a'))).uid).toBe(a);
  });

  test('makes the directory of an entry whose first process is there before anybody made one', async () => {
    const dataDir = join(at.dataDir, 'data', 'early');
    const { uid } = await enter(users(), describeLaunch({ name: 'early', dataDir }));
    expect(lstatSync(dataDir)).toMatchObject({ uid, gid: uid, mode: 0o040700 });
  });

  test('two hosts do not run their plugins as the same users, however few there are', async () => {
    const two = { first: RANGE.first, count: 2 };
    const other = new HostFolder();
    await other.wall('basic');
    const [one, another] = [users(two), users(two)];
    const first = await enter(one, entry('a'));
    const second = await enter(another, describeLaunch({ name: 'a', dataDir: other.entry('a') }));
    expect(new Set([first.uid, second.uid]).size).toBe(2);
    await expect(enter(one, entry('b'))).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    other.remove();
  });

  test('that are all taken are an error that says so; one of an entry that is gone is not given away', async () => {
    const two = users({ first: RANGE.first, count: 2 });
    const gone = await enter(two, entry('gone'));
    await gone.leave();
    await enter(two, entry('b'));
    await expect(enter(two, entry('c'))).rejects.toMatchObject({
      code: 'LIMIT_EXCEEDED',
      message: expect.stringContaining('raise host.plugin_uids.count'),
    });
  });

  test('a directory with another’s user gets one of its own, and so does one whose user somebody else is by now', async () => {
    const first = users();
    const { uid = 0 } = await enter(first, entry('a'));
    const copy = entry('copy');
    chownSync(at.entry('copy'), uid, uid);
    expect((await enter(first, copy)).uid).not.toBe(uid);
    for (const tenant of tenants.splice(0)) await tenant.leave();
    const stranger = spawn('sleep', ['60'], { uid, gid: uid, stdio: 'ignore' });
    await once(stranger, 'spawn');
    expect((await enter(users(), entry('a'))).uid).not.toBe(uid);
    expect(stranger.exitCode).toBeNull();
    stranger.kill('SIGKILL');
    await once(stranger, 'exit');
  });

  test('a plugin whose files are closed to others runs as the host’s user, which is said; or it is refused', async () => {
    const closed = join(at.folder, 'closed');
    mkdirSync(join(closed, 'package'), { recursive: true });
    chmodSync(closed, 0o700);
    const description = entry('a', { cwd: join(closed, 'package') });
    const lenient = users();
    expect((await enter(lenient, entry('a'))).uid).toBeDefined();
    await tenants.pop()?.leave();
    writeFileSync(join(at.entry('a'), 'kept'), '');
    expect((await enter(lenient, description)).uid).toBeUndefined();
    expect(lenient.exceptions()).toEqual([{ plugin: 'a', why: expect.stringContaining(closed) }]);
    await tape.waitFor(({ msg, path }) => path === closed && msg.includes('as the user of the host'));
    expect(lstatSync(at.entry('a'))).toMatchObject({ uid: 0 });
    // What runs now decides for what starts beside it.
    expect((await enter(lenient, entry('a'))).uid).toBeUndefined();
    for (const tenant of tenants.splice(0)) await tenant.leave();
    expect(lenient.exceptions()).toEqual([]);

    const strict = users(RANGE, true);
    await expect(enter(strict, description)).rejects.toMatchObject({
      code: 'SANDBOX_UNAVAILABLE',
      message: expect.stringContaining(closed),
    });
    // A list of access rights, or a mode: what counts is that it can be read.
    chmodSync(closed, 0o711);
    const { uid } = await enter(strict, description);
    expect(lstatSync(join(at.entry('a'), 'kept')).uid).toBe(uid);
    chmodSync(closed, 0o700);
    await expect(enter(strict, description)).rejects.toMatchObject({
      message: expect.stringContaining(`closed to uid ${uid}`),
    });
  });

  test('a plugin that closes its own files gains nothing by it', async () => {
    const own = join(at.folder, 'package');
    mkdirSync(own);
    writeFileSync(join(own, 'program'), '', { mode: 0o700 });
    const description = entry('a', { cwd: own, command: [join(own, 'program')] });
    expect((await enter(users(), description)).uid).toBeDefined();
  });

  test('a grant counts as what is needed', async () => {
    const shared = join(at.folder, 'shared');
    mkdirSync(shared, { mode: 0o755 });
    const granted = (access: 'ro' | 'rw'): LaunchDescription =>
      entry('a', { reach: { network: [], subprocess: false, filesystem: [{ path: shared, access }] } });
    const strict = users(RANGE, true);
    await (await enter(strict, granted('ro'))).leave();
    await expect(enter(strict, granted('rw'))).rejects.toMatchObject({
      message: expect.stringContaining(shared),
    });
  });

  test('with the last process of an entry everything of its user is ended, wherever it went', async () => {
    const some = users();
    const [one, other] = [await enter(some, entry('a')), await enter(some, entry('a'))];
    const { uid = 0 } = one;
    const [file, ...args] = runAs().prefix(uid);
    // Its environment may not be read, its session is its own, and it has no parent.
    const bomb = 'for i in 1 2 3 4 5; do (setsid sleep 60 &) ; done';
    const child = spawn(file, [...args, '/bin/sh', '-c', bomb], { env: {}, stdio: 'ignore' });
    await once(child, 'exit');
    await expect.poll(() => processesOf(uid)).toHaveLength(5);
    await one.leave();
    expect(await processesOf(uid)).toHaveLength(5);
    await other.leave();
    expect(await processesOf(uid)).toEqual([]);
  });

  test('lets nobody see more of the host’s directory than the way to their own', async () => {
    const modes = ['.', 'data', 'run', 'key'].map((name) => lstatSync(join(at.dataDir, name)).mode & 0o777);
    expect(modes).toEqual([0o711, 0o711, 0o711, 0o600]);
    expect(readFileSync(join(at.dataDir, 'key'), 'utf8')).toBe('secret');
  });

  test('a host that gives them up takes the directories back', async () => {
    const { uid } = await enter(users(), entry('a'));
    await tenants.pop()?.leave();
    const path = at.entry('a');
    expect(lstatSync(path).uid).toBe(uid);
    await enter(createPluginUsers(undefined), entry('a'));
    expect(lstatSync(path).uid).toBe(0);
  });
});
