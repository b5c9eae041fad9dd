// What is done in the machine, as its root. Each check is a line on the standard output.
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DONE, PLACES, wallsOf, type Extent, type User } from './checks.js';
import type { Probed } from './probe.js';
import { check, until } from './report.js';
import {
  cellsIn,
  delegate,
  makeCgroup,
  MOUNT,
  OPERATOR,
  outputOf,
  processesIn,
  ROOT,
  script,
  startIn,
} from './tree.js';

const extent: Extent = process.argv[2] === 'long' ? 'long' : 'short';
const users = (['operator', 'root'] as const).filter((user) => wallsOf(user, extent).length > 0);
await Promise.all([checkPlaces(), ...users.map(checkSession)]);

async function probe(folder: string, uid: number, ...args: readonly string[]): Promise<Probed> {
  return parseProbed(await outputOf(startIn(folder, uid, script('probe', ...args))));
}

function parseProbed(text: string): Probed {
  return JSON.parse(text) as Probed;
}

async function checkPlaces(): Promise<void> {
  await check(PLACES.root, async () => assertLeft(await probe(MOUNT, ROOT), MOUNT, /root cgroup/));
  await check(PLACES.plain, async () => {
    const plain = makeCgroup('plain.slice/plain.service');
    assertLeft(await probe(plain, OPERATOR), plain, /not delegated/);
  });
  await check(PLACES.shared, async () => {
    const shared = delegate(makeCgroup('plain.slice/shared.service'), OPERATOR);
    const other = startIn(shared, OPERATOR, ['/bin/sh', '-c', 'echo here; kill -STOP $$']);
    await once(other.stdout ?? other, 'data');
    try {
      assertLeft(await probe(shared, OPERATOR), shared, /others are in it \(1\)/);
    } finally {
      await killed(other);
    }
  });
  await check(PLACES.delegated, async () => {
    const folder = delegate(makeCgroup('plain.slice/delegated.service'), OPERATOR);
    const { doctor, opened, after } = await probe(folder, OPERATOR);
    assert.deepEqual([doctor.level, opened.kind, opened.folder], ['ok', 'divided', folder]);
    assert.equal(after, join(folder, 'bulkhead-host'));
  });
  await check(PLACES.container, async () => {
    // One file system is not mounted twice at one place, so there is another in between.
    const mounts = ['tmpfs', 'cgroup2'].map((type) => `mount -t ${type} ${type} ${MOUNT} &&`);
    const inside = [...mounts, 'exec "$@"'].join(' ');
    const container = ['unshare', '--cgroup', '--mount', '/bin/sh', '-c', inside, 'sh', ...script('probe')];
    const folder = makeCgroup('plain.slice/container.scope');
    const { doctor, opened } = parseProbed(await outputOf(startIn(folder, ROOT, container)));
    assert.deepEqual([doctor.level, opened.kind, opened.folder], ['ok', 'divided', MOUNT]);
    assert.ok(existsSync(join(folder, 'bulkhead-host')));
  });
}

function assertLeft({ doctor, opened, after }: Probed, folder: string, why: RegExp): void {
  assert.deepEqual([opened.kind, doctor.level, doctor.found], ['none', 'warning', opened.found]);
  assert.match(doctor.found, why);
  assert.equal(after, folder);
  assert.equal(existsSync(join(folder, 'bulkhead-host')), false);
}

/** A host of that user's with plugins; the operator's is killed in the end, and another follows. */
async function checkSession(user: User): Promise<void> {
  const uid = user === 'root' ? ROOT : OPERATOR;
  const folder = delegate(makeCgroup(`${user}.slice/bulkhead.service`), uid);
  const host = startIn(folder, uid, script('host', user, extent));
  if (host.stdout === null) throw new Error('the host has no output');
  for await (const line of createInterface(host.stdout)) {
    if (line === DONE) break;
    process.stdout.write(`${line}\n`);
  }
  if (user === 'operator') await checkSweep(folder, host);
  else await killed(host);
}

async function checkSweep(folder: string, host: ChildProcess): Promise<void> {
  const leaf = join(folder, 'bulkhead-host');
  const cells = cellsIn(folder);
  await check(PLACES.divided, async () => {
    assert.equal(await outputOf(startIn(folder, OPERATOR, ['/bin/sh', '-c', 'echo started'])), '');
    assert.equal(await outputOf(startIn(leaf, OPERATOR, ['/bin/sh', '-c', 'echo started'])), 'started\n');
  });
  await check(PLACES.neighbour, async () => {
    const dataDir = mkdtempSync('/var/tmp/data-');
    chmodSync(dataDir, 0o755);
    writeFileSync(join(dataDir, 'daemon.json'), JSON.stringify({ pid: host.pid, socket: '/nonexistent' }));
    const { opened, doctor } = await probe(leaf, OPERATOR, dataDir);
    assert.deepEqual([opened.kind, opened.folder], ['divided', folder]);
    assert.deepEqual([doctor.level, doctor.found], ['ok', `v2, process ${host.pid} divides ${folder}`]);
    assert.equal(cells.length, 1);
    assert.deepEqual(cellsIn(folder), cells);
  });
  await killed(host);
  await check(PLACES.swept, async () => {
    assert.ok(cells.flatMap(processesIn).length > 0);
    // Once would do, if only the machine were quick enough for the time that is given to it.
    await until('the cells are gone', async () => {
      await probe(leaf, OPERATOR);
      return cellsIn(folder).length === 0;
    });
  });
}

async function killed(child: ChildProcess): Promise<void> {
  const over = once(child, 'exit');
  child.kill('SIGKILL');
  await over;
}
