import { constants } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SandboxProbe } from '../../sidecar/wall/probe-sandbox.js';
import type { Finding } from './finding.js';

const WHY_WALL =
  'Production demands the strict sandbox. Without it a plugin is held by the basic wall only, which has to be written out: own process, scrubbed environment, no isolation of files and network.';
const WHY_WEAKER = 'The strict sandbox works, and holds less than it could.';

/** What this machine offers to wall plugins in with. */
export async function checkSandbox(
  platform: NodeJS.Platform,
  probe: Promise<SandboxProbe>,
): Promise<readonly Finding[]> {
  const found = judgeSandbox(await probe);
  return platform === 'linux' ? [...found, await checkCgroups()] : found;
}

/** A trial's outcome as findings. */
export function judgeSandbox(probe: SandboxProbe): readonly Finding[] {
  if (probe.kind !== 'works') {
    return [{ check: 'sandbox', level: 'warning', found: probe.found, why: WHY_WALL, fix: probe.fix }];
  }
  const found = `strict works, with ${probe.version}`;
  if (probe.missing.length === 0) return [{ check: 'sandbox', level: 'ok', found }];
  return probe.missing.map((missing) => ({
    check: 'sandbox',
    level: 'warning',
    found: `${found}; ${missing}`,
    why: WHY_WEAKER,
    fix: 'Update bubblewrap to 0.8 or newer, and install util-linux.',
  }));
}

async function checkCgroups(): Promise<Finding> {
  const why =
    'Memory and processes then rest on a watchdog, which looks every 50 ms, and a limit on processors is not held: the plugin only gives way.';
  const fix =
    'Start it under systemd with Delegate=yes, or: systemd-run --user --scope -p Delegate=yes bulkhead start. In a container: a writable cgroup v2 of its own (docker run --cgroupns=private with /sys/fs/cgroup writable)';
  const membership = await readFile('/proc/self/cgroup', 'utf8').catch(() => '');
  const own = /^0::(.*)$/m.exec(membership)?.[1];
  if (own === undefined) return { check: 'cgroup', level: 'warning', found: 'no cgroup v2', why, fix };
  const folder = join('/sys/fs/cgroup', own);
  const delegated = await access(join(folder, 'cgroup.subtree_control'), constants.W_OK).then(
    () => true,
    () => false,
  );
  return delegated
    ? { check: 'cgroup', level: 'ok', found: `v2, delegated at ${folder}` }
    : { check: 'cgroup', level: 'warning', found: `v2, not delegated at ${folder}`, why, fix };
}
