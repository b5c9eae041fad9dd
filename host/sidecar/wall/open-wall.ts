import type { Wall, WallKind } from '../command-line.js';
import { noWall } from '../command-line.js';
import { openCgroups, type Cgroups } from '../limits/cgroup.js';
import type { CgroupFault } from '../limits/find-cgroup.js';
import { createBasicWall } from './basic-wall.js';
import {
  findOwnUsers,
  openPluginUsers,
  type OpenedUsers,
  type PluginUserSettings,
} from '../own-user/open-plugin-users.js';
import type { FoundRunAs } from '../own-user/run-as.js';
import type { HostTenant } from '../own-user/plugin-users.js';
import { chooseWall, type ChosenWall, type SandboxSetting } from './choose-wall.js';
import { probeSandbox, sandboxOfUser, type ProbeOptions } from './probe-sandbox.js';
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
  /** Users of their own for plugins. Default: plugins run as the host's user, and nothing is decided. */
  readonly pluginUsers?: PluginUserSettings;
  /** The host's effective user. Default: this process's. */
  readonly uid?: number | undefined;
}

export interface OpenedWall extends ChosenWall {
  readonly wall: Wall;
  /** What is weaker than it could be. */
  readonly missing: readonly string[];
  /** The cgroup that holds limits, or why there is none; absent when it was not asked for. */
  readonly cgroup?: Omit<Cgroups, 'create'> | CgroupFault;
}

/** What people are told of a host's wall. */
export interface WallStatus extends ChosenWall {
  /** Plugins that run as the host's user, although each should have its own. */
  readonly exceptions: readonly HostTenant[];
}

export function wallStatus({ kind, why, users, wall }: OpenedWall): WallStatus {
  const exceptions = wall.users?.exceptions() ?? [];
  return { kind, why, ...(users === undefined ? {} : { users }), exceptions };
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
  const maybeStrict = setting === 'auto' || setting === 'strict';
  // Two trials, which take as long as each other, at the same time.
  const usersOfStrict = maybeStrict ? findUsersOfStrict(options) : undefined;
  const probe = maybeStrict
    ? await probeSandbox(options)
    : ({ kind: 'unsupported', found: 'it was not tried', fix: '' } as const);
  const choice = chooseWall(setting, environment, probe);
  const found = choice.kind === 'strict' ? usersOfStrict : undefined;
  const { users, runAs, why } = await openUsers(options, choice.kind, found);
  const chosen = { ...choice, ...(why === undefined ? {} : { users: why }) };
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
      users,
      runAs,
      filter: (subprocess) => filters.get(subprocess),
    });
    return { ...chosen, wall, missing: probe.missing };
  }
  if (chosen.kind === 'basic') {
    return { ...chosen, wall: await createBasicWall({ ...options, users, runAs }), missing: [] };
  }
  return { ...chosen, wall: noWall, missing: [] };
}

function findUsersOfStrict(options: OpenWallOptions): Promise<FoundRunAs> | undefined {
  const { pluginUsers: settings, platform, uid = process.geteuid?.(), searchPath } = options;
  if (settings === undefined || settings.use === 'never' || uid !== 0) return undefined;
  const found = findOwnUsers({ settings, platform, uid, searchPath, tryWall: sandboxOfUser(options) });
  // Without the strict wall nobody asks what came of it.
  found.catch(() => {});
  return found;
}

async function openUsers(
  options: OpenWallOptions,
  wall: WallKind,
  found: Promise<FoundRunAs> | undefined,
): Promise<OpenedUsers> {
  const { pluginUsers, environment, platform, uid = process.geteuid?.(), searchPath } = options;
  if (pluginUsers === undefined) return {};
  return openPluginUsers({
    settings: pluginUsers,
    wall,
    environment,
    platform,
    uid,
    searchPath,
    ...(wall === 'strict' ? { tryWall: sandboxOfUser(options) } : {}),
    ...(found === undefined ? {} : { found }),
  });
}
