import type { Wall } from '../command-line.js';
import { noWall } from '../command-line.js';
import { openCgroups } from '../limits/cgroup.js';
import { createBasicWall } from './basic-wall.js';
import { chooseWall, type ChosenWall, type SandboxSetting } from './choose-wall.js';
import { probeSandbox, type ProbeOptions } from './probe-sandbox.js';
import { createFilter } from './seccomp/filter.js';
import { createStrictWall } from './strict-wall.js';
import { withCgroups } from './with-cgroups.js';

export interface OpenWallOptions extends ProbeOptions {
  readonly setting: SandboxSetting;
  readonly environment: string;
  /** Directories of the host's own, absolute: of them a plugin sees only what is its own. */
  readonly closed: readonly string[];
  /** Whether to hold limits by cgroups where the host has one of its own; moves the host into a leaf of it. Default: no. */
  readonly cgroups?: boolean;
}

export interface OpenedWall extends ChosenWall {
  readonly wall: Wall;
  /** What is weaker than it could be. */
  readonly missing: readonly string[];
}

/**
 * Finds out what this machine offers, chooses, and makes the wall. Once per host.
 *
 * @throws BulkheadError SANDBOX_UNAVAILABLE, CONFIG_INVALID
 */
export async function openWall(options: OpenWallOptions): Promise<OpenedWall> {
  const opened = await open(options);
  const cgroups = options.cgroups === true ? await openCgroups({ pid: process.pid }) : undefined;
  return cgroups === undefined ? opened : { ...opened, wall: withCgroups(opened.wall, cgroups) };
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
