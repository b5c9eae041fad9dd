import type { Wall } from '../command-line.js';
import { noWall } from '../command-line.js';
import { openCgroups, type Cgroups } from '../limits/cgroup.js';
import type { CgroupFault } from '../limits/find-cgroup.js';
import { createBasicWall } from './basic-wall.js';
import { chooseWall, type ChosenWall, type SandboxSetting } from './choose-wall.js';
import { probeSandbox, type ProbeOptions } from './probe-sandbox.js';
import { createFilter } from './seccomp/filter.js';
import { createStrictWall } from './strict-wall.js';
import { withCgroups, type OnUnheld } from './with-cgroups.js';

export interface OpenWallOptions extends ProbeOptions {
  readonly setting: SandboxSetting;
  readonly environment: string;
  /** Directories of the host's own, absolute: of them a plugin sees only what is its own. */
  readonly closed: readonly string[];
  /** Whether to hold limits by cgroups where the host has one of its own; moves the host into a leaf of it. Default: no. */
  readonly cgroups?: boolean;
  readonly onUnheld?: OnUnheld;
}

export interface OpenedWall extends ChosenWall {
  readonly wall: Wall;
  /** What is weaker than it could be. */
  readonly missing: readonly string[];
  /** The cgroup that holds limits, or why there is none; absent when it was not asked for. */
  readonly cgroup?: Omit<Cgroups, 'create'> | CgroupFault;
}

/**
 * Finds out what this machine offers, chooses, and makes the wall. Once per host.
 *
 * @throws BulkheadError SANDBOX_UNAVAILABLE, CONFIG_INVALID
 */
export async function openWall(options: OpenWallOptions): Promise<OpenedWall> {
  const opened = await open(options);
  if (options.cgroups !== true) return opened;
  const cgroup = await openCgroups({ pid: process.pid });
  if (cgroup.kind === 'none') return { ...opened, cgroup };
  return { ...opened, cgroup, wall: withCgroups(opened.wall, cgroup, options.onUnheld) };
}

async function open(options: OpenWallOptions): Promise<OpenedWall> {
  const { setting, environment, arch, closed } = options;
  const probe =
    setting === 'auto' || setting === 'strict'
      ? await probeSandbox(options)
      : ({ kind: 'unsupported', found: 'it was not tried', fix: '' } as const);
  const chosen = chooseWall(setting, environment, probe);
  if (chosen.kind === 'strict' && probe.kind === 'works') {
    const filters = new Map(
      [true, false].map((subprocess) => [subprocess, createFilter({ arch, subprocess })]),
    );
    const { program, features, system } = probe;
    const wall = createStrictWall({
      program,
      features,
      system,
      closed,
      filter: (subprocess) => filters.get(subprocess),
    });
    return { ...chosen, wall, missing: probe.missing };
  }
  if (chosen.kind === 'basic') {
    return { ...chosen, wall: await createBasicWall(options), missing: [] };
  }
  return { ...chosen, wall: noWall, missing: [] };
}
