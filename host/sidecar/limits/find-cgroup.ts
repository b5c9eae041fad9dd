import { constants } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';

/** Where systems mount version 2. */
export const CGROUP_MOUNT = '/sys/fs/cgroup';
/** A plugin joins its cell by it. */
export const SHELL = '/bin/sh';
/** Where the host itself is, below the cgroup that is divided. A service manager may start it there. */
export const HOST_LEAF = 'bulkhead-host';
const CONTROLLERS = ['memory', 'pids', 'cpu'] as const;
export type Controller = (typeof CONTROLLERS)[number];

/** The cgroup that the host may divide among its plugins, or why there is none. */
export type FoundCgroup =
  | {
      readonly kind: 'delegated';
      readonly folder: string;
      /** Where the host goes before the folder is divided, or is already. */
      readonly leaf: string;
      readonly inLeaf: boolean;
      /** What can be held by it; memory is always among them. */
      readonly controllers: readonly Controller[];
    }
  | CgroupFault;

export interface CgroupFault {
  readonly kind: 'none';
  /** What was found, for people. */
  readonly found: string;
}

export interface FindCgroupOptions {
  /** The host's. */
  readonly pid: number;
  /** Default: `CGROUP_MOUNT`. */
  readonly mount?: string;
  /** Reads which cgroups the host is in. Default: /proc/self/cgroup. */
  readonly readMembership?: () => Promise<string>;
}

/** Only looks. Never rejects. */
export async function findCgroup(options: FindCgroupOptions): Promise<FoundCgroup> {
  const { pid, mount = CGROUP_MOUNT, readMembership = () => readFile('/proc/self/cgroup', 'utf8') } = options;
  const own = cgroupOf(await readMembership().catch(() => ''));
  if (own === undefined) return none('no cgroup v2');
  const inLeaf = basename(own) === HOST_LEAF;
  const folder = resolve(mount, `.${inLeaf ? dirname(own) : own}`);
  const read = (file: string): Promise<string> => readFile(join(folder, file), 'utf8').catch(() => '');

  const offered = (await read('cgroup.controllers')).trim().split(/\s+/);
  const type = (await read('cgroup.type')).trim();
  // The machine's root has no type, and is nobody's to divide.
  if (type === '')
    return none(
      (await may(join(folder, 'cgroup.controllers'), constants.F_OK))
        ? "v2, the machine's root cgroup, which nobody divides"
        : `v2 is not mounted at ${mount}`,
    );
  if (type !== 'domain') return none(`v2, ${folder} is ${type}`);
  for (const path of ['', 'cgroup.procs', 'cgroup.subtree_control']) {
    if (!(await may(join(folder, path), constants.W_OK))) return none(`v2, not delegated at ${folder}`);
  }
  const controllers = CONTROLLERS.filter((name) => offered.includes(name));
  if (!controllers.includes('memory')) return none(`v2, without the memory controller at ${folder}`);
  // Those that cannot be seen from this process namespace are listed as 0.
  const others = (await read('cgroup.procs'))
    .split('\n')
    .filter((line) => line !== '' && line !== String(pid));
  if (others.length > 0) return none(`v2, delegated at ${folder}, and others are in it (${others.length})`);
  if (!(await may(SHELL, constants.X_OK)))
    return none(`v2, delegated at ${folder}, and there is no ${SHELL}`);
  return { kind: 'delegated', folder, leaf: join(folder, HOST_LEAF), inLeaf, controllers };
}

/** The path in the tree of version 2 that /proc/<pid>/cgroup names. */
export function cgroupOf(membership: string): string | undefined {
  return /^0::(.*)$/m.exec(membership)?.[1];
}

function none(found: string): CgroupFault {
  return { kind: 'none', found };
}

function may(path: string, mode: number): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}
