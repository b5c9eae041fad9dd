import { dirname } from 'node:path';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { WallKind } from '../command-line.js';
import type { UidRange } from './choose-uid.js';
import { openToUsers, type HostDirectories } from './host-directories.js';
import { createPluginUsers, type PluginUsers } from './plugin-users.js';
import { findRunAs, type FoundRunAs, type RunAs, type RunAsOptions } from './run-as.js';
import { findClosed } from './way.js';

export interface PluginUserSettings extends UidRange, HostDirectories {
  readonly use: 'auto' | 'always' | 'never';
}

export interface OpenUsersOptions extends Pick<RunAsOptions, 'platform' | 'uid' | 'searchPath'> {
  readonly settings: PluginUserSettings;
  readonly wall: WallKind;
  readonly environment: string;
  /** What keeps this wall from being built by another user than the host's; undefined: nothing. */
  readonly tryWall?: (runAs: RunAs, uid: number) => Promise<string | undefined>;
  /** What {@link findOwnUsers} says of the same, when it was asked already. */
  readonly found?: Promise<FoundRunAs>;
}

export interface OpenedUsers {
  /** Undefined where there is nothing to decide: the host is not root. */
  readonly users?: PluginUsers;
  readonly runAs?: RunAs;
  /** For people; undefined where there is nothing to decide. */
  readonly why?: string;
}

/**
 * Decides whether plugins get users of their own. Behind the basic wall of a host that root runs, that is all that keeps
 * a hostile plugin from the host, so production does not do without it unless an operator wrote so.
 *
 * @throws BulkheadError SANDBOX_UNAVAILABLE
 */
export async function openPluginUsers(options: OpenUsersOptions): Promise<OpenedUsers> {
  const { settings, wall, uid, environment, platform } = options;
  const { use, first, count } = settings;
  const refuse = use === 'always' || (wall === 'basic' && environment === 'production');
  if (wall === 'off') {
    if (use !== 'always') return {};
    throw unavailable({ found: 'host.sandbox is off', fix: 'set host.sandbox to auto, strict or basic' });
  }
  if (uid !== 0 && use !== 'always') return {};
  const byRoot = uid === 0 && platform === 'linux' ? createPluginUsers(undefined) : undefined;
  const asHost = byRoot === undefined ? {} : { users: byRoot };
  if (use === 'never') return { ...asHost, why: 'plugins run as root: host.plugin_uids.use is never' };
  const found = await (options.found ?? findOwnUsers(options));
  if (found.kind === 'works') {
    await openToUsers(settings);
    const { runAs } = found;
    const users = createPluginUsers({ range: { first, count }, runAs, refuse });
    return { users, runAs, why: `each plugin runs as a user of its own, from ${first} on` };
  }
  if (refuse) throw unavailable(found);
  return { ...asHost, why: `plugins run as root: ${found.found}` };
}

function unavailable({ found, fix }: { readonly found: string; readonly fix: string }): BulkheadError {
  return new BulkheadError(
    ErrorCode.SANDBOX_UNAVAILABLE,
    `plugins cannot run as users of their own: ${found}; ${fix}, or write host.plugin_uids.use: never`,
    { field: 'host.plugin_uids', details: { found, fix } },
  );
}

/** Whether users of their own are to be had here. Changes nothing. */
export async function findOwnUsers(
  options: Omit<OpenUsersOptions, 'wall' | 'environment' | 'found'>,
): Promise<FoundRunAs> {
  const { settings, tryWall } = options;
  const { first, count, dataDir } = settings;
  const found = await findRunAs({ ...options, first, count });
  if (found.kind !== 'works') return found;
  const closed = await findClosed([{ path: dirname(dataDir), access: 'x' }], first, found.runAs);
  if (closed !== undefined) {
    return {
      kind: 'missing',
      found: `host.data_dir lies in ${closed}, which other users cannot pass through`,
      fix: `run chmod o+x ${closed}, or set host.data_dir to a folder such as /var/lib/bulkhead`,
    };
  }
  const refused = await tryWall?.(found.runAs, first);
  if (refused === undefined) return found;
  return {
    kind: 'missing',
    found: refused,
    fix: 'allow user namespaces to every user, or nothing: the strict sandbox holds root too',
  };
}
