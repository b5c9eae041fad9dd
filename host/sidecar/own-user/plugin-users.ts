import { lstat, mkdir } from 'node:fs/promises';
import { BulkheadError, ErrorCode, isBulkheadError } from '@bulkhead/proto';
import type { Logger } from 'pino';
import type { LaunchDescription } from '../sidecar.js';
import { chooseUid, recordedUid, type UidRange } from './choose-uid.js';
import { handOver } from './hand-over.js';
import { neededPaths } from './needed-paths.js';
import type { RunAs } from './run-as.js';
import { createUidClaims } from './uid-claims.js';
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

/** Of one entry, from its first process to its last. */
interface Tenancy {
  living: number;
  /** Nobody else's until it is released. */
  claimed?: number;
  uid?: Promise<number | undefined>;
  ending?: Promise<void>;
}

/** @param own undefined: all run as the host's user, to whom data directories are given back */
export function createPluginUsers(own: OwnUsers | undefined): PluginUsers {
  return new Users(own);
}

class Users implements PluginUsers {
  readonly #own: OwnUsers | undefined;
  readonly #hostUid = process.geteuid?.() ?? 0;
  readonly #claims = createUidClaims();
  readonly #tenancies = new Map<string, Tenancy>();
  readonly #exceptions = new Map<string, HostTenant>();
  #choosing: Promise<unknown> = Promise.resolve();

  constructor(own: OwnUsers | undefined) {
    this.#own = own;
  }

  exceptions(): readonly HostTenant[] {
    return [...this.#exceptions.values()];
  }

  async enter(description: LaunchDescription, log: Logger): Promise<Tenant> {
    const { dataDir } = description;
    if (dataDir === undefined) return { leave: () => Promise.resolve() };
    let there = this.#tenancies.get(dataDir);
    while (there?.ending !== undefined) {
      await there.ending;
      there = this.#tenancies.get(dataDir);
    }
    const tenancy: Tenancy = there ?? { living: 0 };
    this.#tenancies.set(dataDir, tenancy);
    tenancy.living += 1;
    try {
      tenancy.uid ??= this.#decide(tenancy, dataDir, description, log);
      const uid = await tenancy.uid;
      if (uid !== undefined && there !== undefined) await this.#assertOpen(description, uid);
      let left: Promise<void> | undefined;
      return {
        ...(uid === undefined ? {} : { uid }),
        leave: () => (left ??= this.#leave(dataDir, tenancy)),
      };
    } catch (error) {
      await this.#leave(dataDir, tenancy);
      throw asStartError(description.name, error);
    }
  }

  async #decide(
    tenancy: Tenancy,
    dataDir: string,
    description: LaunchDescription,
    log: Logger,
  ): Promise<number | undefined> {
    // A program that the plugin contributes may be the first.
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    const own = this.#own;
    if (own !== undefined) {
      // Where it is refused, the operator has to know to whom the way is to be opened.
      const known = own.refuse
        ? await this.#choose(tenancy, dataDir, own.range)
        : ((await recordedUid(dataDir, own.range)) ?? own.range.first);
      const closed = await findClosed(await neededPaths(description), known, own.runAs);
      if (closed === undefined) {
        const uid = tenancy.claimed ?? (await this.#choose(tenancy, dataDir, own.range));
        await giveTo(dataDir, uid, uid, log);
        return uid;
      }
      if (own.refuse) throw refused(description.name, `${closed} is closed to uid ${known}`);
      const why = `${closed} is closed to users other than its own`;
      log.warn({ path: closed }, `it runs as the user of the host: ${why}`);
      this.#exceptions.set(dataDir, { plugin: description.name, why });
    }
    await giveTo(dataDir, this.#hostUid, undefined, log);
    return undefined;
  }

  /** One after another: what is chosen has to be seen by the next. */
  #choose(tenancy: Tenancy, dataDir: string, range: UidRange): Promise<number> {
    const chosen = this.#choosing.then(async () => {
      tenancy.claimed = await chooseUid(dataDir, range, this.#claims);
      return tenancy.claimed;
    });
    this.#choosing = chosen.catch(() => undefined);
    return chosen;
  }

  async #assertOpen(description: LaunchDescription, uid: number): Promise<void> {
    if (this.#own === undefined) return;
    const closed = await findClosed(await neededPaths(description), uid, this.#own.runAs);
    if (closed !== undefined)
      throw refused(description.name, `${closed} is closed to uid ${uid}, which others of it run as`);
  }

  async #leave(dataDir: string, tenancy: Tenancy): Promise<void> {
    tenancy.living -= 1;
    if (tenancy.living > 0) return;
    tenancy.ending = this.#end(dataDir, tenancy.claimed);
    await tenancy.ending;
  }

  async #end(dataDir: string, claimed: number | undefined): Promise<void> {
    try {
      if (claimed === undefined || this.#own === undefined) return;
      await endProcessesOf(claimed, this.#own.runAs);
      await this.#claims.release(claimed);
    } finally {
      this.#tenancies.delete(dataDir);
      this.#exceptions.delete(dataDir);
    }
  }
}

/** @param gid undefined: any, because root's group says nothing */
async function giveTo(dataDir: string, uid: number, gid: number | undefined, log: Logger): Promise<void> {
  const owner = await lstat(dataDir);
  if (owner.uid === uid && (gid === undefined || owner.gid === gid)) return;
  const { kept } = await handOver(dataDir, uid, gid ?? owner.gid);
  if (kept > 0)
    log.warn(
      { dataDir, uid, kept },
      'files of its data directory have a second name, and were not given to its user',
    );
}

function asStartError(name: string, error: unknown): unknown {
  if (isBulkheadError(error)) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  return new BulkheadError(
    ErrorCode.SPAWN_FAILED,
    `expected to choose a user for plugin '${name}' and to give it its data directory, got ${code}; see \`bulkhead doctor\``,
    { cause: error, details: { code } },
  );
}

function refused(name: string, why: string): BulkheadError {
  return new BulkheadError(
    ErrorCode.SANDBOX_UNAVAILABLE,
    `plugin '${name}' cannot run as a user of its own: ${why}; open it (chmod o+rx, on the way to it o+x, or setfacl), or ` +
      'write host.plugin_uids.use: never, and it runs as root',
    { field: 'host.plugin_uids' },
  );
}
