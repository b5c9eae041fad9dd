import { lstat } from 'node:fs/promises';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Logger } from 'pino';
import type { LaunchDescription } from '../sidecar.js';
import { chooseUid, recordedUid, type UidRange } from './choose-uid.js';
import { handOver } from './hand-over.js';
import { neededPaths } from './needed-paths.js';
import type { RunAs } from './run-as.js';
import { endProcessesOf } from './user-processes.js';
import { findClosed } from './way.js';

/** Whom one process runs as. */
export interface Tenant {
  /** The plugin's own user and group; undefined: the host's. */
  readonly uid?: number;
  /** The process is gone. With the last of the user's, whatever is left of that user is killed. */
  leave(): Promise<void>;
}

/** A plugin that has no user of its own, and why. */
export interface HostTenant {
  readonly plugin: string;
  readonly why: string;
}

/** Who plugins run as, where root runs the host. */
export interface PluginUsers {
  /**
   * Whom the next process of an entry runs as; its data directory belongs to that user then. All of an entry that run
   * at once run as the same.
   *
   * @throws BulkheadError SANDBOX_UNAVAILABLE when it would be the host's user and must not be, or another one than that
   *   of its other processes; LIMIT_EXCEEDED when there is no user left, or too much to be handed over
   */
  enter(description: LaunchDescription, log: Logger): Promise<Tenant>;
  /** Plugins that run as the host's user now, although they should not. */
  exceptions(): readonly HostTenant[];
}

export interface OwnUsers {
  readonly range: UidRange;
  readonly runAs: RunAs;
  /** Whether a plugin whose files are closed to its user is refused; else it runs as the host's. */
  readonly refuse: boolean;
}

interface Tenancy {
  living: number;
  readonly uid: Promise<number | undefined>;
  ending?: Promise<unknown>;
}

/** @param own undefined: all run as the host's user, to whom data directories are given back */
export function createPluginUsers(own: OwnUsers | undefined): PluginUsers {
  const tenancies = new Map<string, Tenancy>();
  const exceptions = new Map<string, HostTenant>();
  const hostUid = process.geteuid?.() ?? 0;

  let choosing: Promise<unknown> = Promise.resolve();
  const choose = (dataDir: string, range: UidRange): Promise<number> => {
    const chosen = choosing.then(() => chooseUid(dataDir, range));
    choosing = chosen.catch(() => undefined);
    return chosen;
  };

  const giveTo = async (dataDir: string, uid: number, log: Logger): Promise<void> => {
    const owner = await lstat(dataDir);
    // Root's group may be any, and says nothing.
    if (owner.uid === uid && (owner.gid === uid || uid === hostUid)) return;
    const { kept } = await handOver(dataDir, uid);
    if (kept > 0)
      log.warn({ dataDir, uid, kept }, 'files of its data directory have a second name, so they were not given to its user');
  };

  const decide = async (
    { refuse, range, runAs }: OwnUsers,
    dataDir: string,
    description: LaunchDescription,
    log: Logger,
  ): Promise<number | undefined> => {
    const { name } = description;
    // Where it is refused, the operator has to know to whom the way is to be opened.
    const kept = refuse ? await choose(dataDir, range) : await recordedUid(dataDir, range);
    const uid = kept ?? range.first;
    const closed = await findClosed(await neededPaths(description), uid, runAs);
    if (closed === undefined) {
      const own = refuse ? uid : await choose(dataDir, range);
      await giveTo(dataDir, own, log);
      return own;
    }
    if (refuse) throw refused(name, `${closed} is closed to uid ${uid}`);
    const why = `${closed} is closed to users other than its own`;
    log.warn({ path: closed }, `it runs as the user of the host: ${why}`);
    exceptions.set(dataDir, { plugin: name, why });
    await giveTo(dataDir, hostUid, log);
    return undefined;
  };

  const begin = (dataDir: string, description: LaunchDescription, log: Logger): Tenancy => {
    const uid =
      own === undefined
        ? giveTo(dataDir, hostUid, log).then(() => undefined)
        : decide(own, dataDir, description, log);
    const tenancy = { living: 0, uid };
    tenancies.set(dataDir, tenancy);
    return tenancy;
  };

  const leave = async (dataDir: string, tenancy: Tenancy, uid: number | undefined): Promise<void> => {
    tenancy.living -= 1;
    if (tenancy.living > 0) return;
    const end = async (): Promise<void> => {
      if (uid !== undefined && own !== undefined) await endProcessesOf(uid, own.runAs);
      tenancies.delete(dataDir);
      exceptions.delete(dataDir);
    };
    tenancy.ending = end();
    await tenancy.ending;
  };

  return {
    async enter(description, log) {
      const { dataDir, name } = description;
      if (dataDir === undefined) return { leave: () => Promise.resolve() };
      let there = tenancies.get(dataDir);
      while (there?.ending !== undefined) {
        await there.ending;
        there = tenancies.get(dataDir);
      }
      const tenancy = there ?? begin(dataDir, description, log);
      tenancy.living += 1;
      let uid: number | undefined;
      try {
        uid = await tenancy.uid;
        if (uid !== undefined && own !== undefined && there !== undefined) {
          const closed = await findClosed(await neededPaths(description), uid, own.runAs);
          if (closed !== undefined) throw refused(name, `${closed} is closed to uid ${uid}, which others of it run as`);
        }
      } catch (error) {
        await leave(dataDir, tenancy, uid);
        throw error;
      }
      let left: Promise<void> | undefined;
      return {
        ...(uid === undefined ? {} : { uid }),
        leave: () => (left ??= leave(dataDir, tenancy, uid)),
      };
    },
    exceptions: () => [...exceptions.values()],
  };
}

function refused(name: string, why: string): BulkheadError {
  return new BulkheadError(
    ErrorCode.SANDBOX_UNAVAILABLE,
    `plugin '${name}' cannot run as a user of its own: ${why}; open it (chmod o+rx, on the way to it o+x, or setfacl), or ` +
      'write host.plugin_uids.use: never, and it runs as root',
    { field: 'host.plugin_uids' },
  );
}
