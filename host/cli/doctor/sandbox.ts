import { constants } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Finding, Probe } from './finding.js';

const WHY_WALL =
  'Without it a plugin is held by the basic wall only: own process, scrubbed environment, no file isolation.';

/** What this machine offers to wall plugins in with. */
export async function checkSandbox(platform: string, probe: Probe): Promise<readonly Finding[]> {
  if (platform !== 'linux') {
    const found = `none on ${platform}`;
    return [
      { check: 'sandbox', level: 'warning', found, why: WHY_WALL, fix: 'Run production hosts on Linux.' },
    ];
  }
  return [await checkBubblewrap(probe), await checkCgroups()];
}

async function checkBubblewrap(probe: Probe): Promise<Finding> {
  const version = await probe('bwrap', '--version');
  if (!version.ok) {
    const fix = 'apt-get install bubblewrap (or your system’s package of that name)';
    return { check: 'sandbox', level: 'warning', found: 'bubblewrap is not installed', why: WHY_WALL, fix };
  }
  const found = version.output.trim();
  const tried = await probe(
    'bwrap',
    '--unshare-all',
    '--ro-bind',
    '/',
    '/',
    '--die-with-parent',
    '/bin/true',
  );
  if (tried.ok) return { check: 'sandbox', level: 'ok', found: `${found}, user namespaces work` };
  return {
    check: 'sandbox',
    level: 'warning',
    found: `${found} is installed and cannot make namespaces: ${tried.output.trim().split('\n')[0] ?? ''}`,
    why: WHY_WALL,
    fix: 'sysctl -w kernel.unprivileged_userns_clone=1 kernel.apparmor_restrict_unprivileged_userns=0, or allow bwrap in AppArmor; in a container, allow user namespaces',
  };
}

async function checkCgroups(): Promise<Finding> {
  const why = 'Memory and CPU limits then rest on rlimits and a watchdog, which are coarser.';
  const fix =
    'Start it under systemd with Delegate=yes, or: systemd-run --user --scope -p Delegate=yes bulkhead start';
  const membership = await readFile('/proc/self/cgroup', 'utf8').catch(() => '');
  const own = /^0::(.*)$/m.exec(membership)?.[1];
  if (own === undefined) return { check: 'cgroup', level: 'warning', found: 'no cgroup v2', why, fix };
  const folder = join('/sys/fs/cgroup', own);
  const delegated = await access(join(folder, 'cgroup.procs'), constants.W_OK).then(
    () => true,
    () => false,
  );
  return delegated
    ? { check: 'cgroup', level: 'ok', found: `v2, delegated at ${folder}` }
    : { check: 'cgroup', level: 'warning', found: `v2, not delegated at ${folder}`, why, fix };
}
