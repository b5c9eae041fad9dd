import { readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { readDaemonRecord } from '../../admin/daemon-record.js';
import {
  CGROUP_MOUNT,
  cgroupOf,
  findCgroup,
  HOST_LEAF,
  type Controller,
} from '../../sidecar/limits/find-cgroup.js';
import type { Finding } from './finding.js';

const CHECK = 'cgroup';
const WHY =
  'Memory and processes then rest on a watchdog, which looks every 50 ms, and a limit on processors is not held: the plugin only gives way.';
const FIX =
  'Start it under systemd with Delegate=yes, or: systemd-run --user --scope -p Delegate=yes bulkhead start. In a container: a writable cgroup v2 of its own; see docs/security.md, "Limits".';

/** Whether the kernel holds limits: those of the daemon that runs, else those of one that is started as the doctor was. */
export async function checkCgroup(dataDir: string): Promise<Finding> {
  const running = await cgroupOfDaemon(dataDir);
  if (running !== undefined) return running;
  const found = await findCgroup({ pid: process.pid });
  if (found.kind === 'none')
    return { check: CHECK, level: 'warning', found: found.found, why: WHY, fix: FIX };
  return held(`v2, delegated at ${found.folder}`, found.controllers);
}

async function cgroupOfDaemon(dataDir: string): Promise<Finding | undefined> {
  const pid = readDaemonRecord(dataDir)?.pid;
  if (pid === undefined) return undefined;
  const own = cgroupOf(await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => ''));
  if (own === undefined || basename(own) !== HOST_LEAF) return undefined;
  const folder = resolve(CGROUP_MOUNT, `.${dirname(own)}`);
  const divided = await readFile(join(folder, 'cgroup.subtree_control'), 'utf8').catch(() => '');
  const controllers = divided.trim().split(/\s+/);
  return controllers.includes('memory')
    ? held(`v2, process ${pid} divides ${folder}`, controllers)
    : undefined;
}

function held(found: string, controllers: readonly string[]): Finding {
  const lacking = (['pids', 'cpu'] satisfies Controller[]).filter((name) => !controllers.includes(name));
  if (lacking.length === 0) return { check: CHECK, level: 'ok', found };
  return {
    check: CHECK,
    level: 'warning',
    found: `${found}, without ${lacking.join(' and ')}`,
    why: WHY,
    fix: `Delegate ${lacking.join(' and ')} too: Delegate=memory pids cpu in the unit, and for a user's services in user@.service.`,
  };
}
