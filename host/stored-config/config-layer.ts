import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { ENTRY_NAME } from '@bulkhead/proto/rules';
import type { Clock } from '../clock.js';
import type { PluginConfig } from '../config/config.js';
import type { Stored } from '../config/stored.js';
import type { Store } from '../store/store.js';
import type { Actor, Audit } from '../telemetry/audit.js';
import { isHidden } from './describe-entry.js';
import { changeLeaves, parseLeaves, placesOf, treeOfLeaves, type ConfigChange, type Leaf } from './leaves.js';
import { assertMayChange } from './may-change.js';
import { openLeaf, sealLeaf, type ConfigSeal } from './seal.js';

/** What was set of one entry by other means than a file. */
export interface StoredEntry {
  /** Counts the changes; 0 when there was none. */
  readonly version: number;
  readonly leaves: readonly Leaf[];
}

/** The configuration's last layer: what UI, API, command line and plugins set, with who and when. */
export interface ConfigLayer {
  get(entry: string): Promise<StoredEntry>;
  /** Every entry of which something is set, by name. */
  entries(): Promise<ReadonlyMap<string, StoredEntry>>;
  /**
   * Changes one entry, and tells every host on the store, this one too, which then applies it. Resolves when the change
   * is durable; it is in force a little later, and everywhere.
   *
   * @param version what the caller has seen; another one by now is CONFLICT. Default: whatever is there
   * @throws FORBIDDEN with `host.config_writes: refuse`, INVALID_ARGUMENT, CONFIG_INVALID with every problem that the
   *   configuration would have, CONFLICT; then nothing has changed
   */
  set(actor: Actor, entry: string, change: ConfigChange, version?: number): Promise<StoredEntry>;
}

export interface ConfigLayerOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly audit: Audit;
  /** `host.config_writes` as it is now. */
  readonly writes: () => 'allow' | 'refuse';
  /** Tries the configuration with that layer, and tells the plugins that it has then. @throws CONFIG_INVALID */
  readonly check: (layer: Stored['layer']) => Promise<readonly PluginConfig[]>;
  /** Encrypts what a plugin's schema marks `writeOnly`. */
  readonly seal: ConfigSeal;
}

/** Says that an entry was changed; the payload is its name. */
export const CONFIG_CHANGED = 'config_changed';

const ENTRY = new RegExp(ENTRY_NAME, 'u');
/** Times that a change is made anew when others come between. */
const MAX_ATTEMPTS = 5;

export function createConfigLayer(options: ConfigLayerOptions): ConfigLayer {
  const { store, clock, audit, writes, check, seal } = options;
  const entries = (): Promise<ReadonlyMap<string, StoredEntry>> => readEntries(store);
  const attempt = async (
    actor: Actor,
    entry: string,
    change: ConfigChange,
    version: number | undefined,
  ): Promise<StoredEntry | 'again'> => {
    const all = await entries();
    const before = all.get(entry) ?? { version: 0, leaves: [] };
    if (version !== undefined && version !== before.version) throw changed(entry, version, before.version);
    const opened = before.leaves.map((leaf) => openLeaf(leaf, entry, seal));
    const leaves = changeLeaves(opened, change, actor, clock.now());
    assertMayChange(actor, entry, change, leaves);
    const next = before.version + 1;
    const plugins = await check(layerOf(new Map(all).set(entry, { version: next, leaves }), seal));
    const plugin = plugins.find(({ name }) => name === entry);
    const secret = new Set(leaves.filter((leaf) => isHidden(leaf, plugin)));
    if (secret.size > 0) await seal.prepare();
    const written = await store.transaction(async (trx): Promise<StoredEntry | undefined> => {
      // Anew each time, with the key of now: a rotation may have come between.
      const sealer = secret.size === 0 ? undefined : await seal.sealer(trx);
      const kept = leaves.map((leaf) =>
        sealer !== undefined && secret.has(leaf) ? sealLeaf(leaf, entry, sealer) : leaf,
      );
      const row = { version: next, leaves: JSON.stringify(kept) };
      const touched =
        before.version === 0
          ? await trx
              .insertInto('config_layer')
              .values({ entry, ...row })
              .onConflict((conflict) => conflict.column('entry').doNothing())
              .executeTakeFirst()
          : await trx
              .updateTable('config_layer')
              .set(row)
              .where('entry', '=', entry)
              .where('version', '=', before.version)
              .executeTakeFirst();
      const count = 'numUpdatedRows' in touched ? touched.numUpdatedRows : touched.numInsertedOrUpdatedRows;
      if (count !== 1n) return undefined;
      await audit.write(trx, {
        actor,
        action: 'config.changed',
        target: `config/plugins/${entry}`,
        outcome: 'allowed',
        // Places only: a value may be a secret.
        details: {
          version: next,
          set: placesOf(change),
          reset: (change.reset ?? []).map((path) => path.join('.')),
        },
      });
      return { version: next, leaves: kept };
    });
    return written ?? 'again';
  };
  return {
    entries,
    get: async (entry) => (await entries()).get(entry) ?? { version: 0, leaves: [] },
    async set(actor, entry, change, version) {
      if (writes() === 'refuse') {
        throw new BulkheadError(
          ErrorCode.FORBIDDEN,
          'host.config_writes is refuse: only files change the configuration. Write it into bulkhead.yaml, then `bulkhead config apply`.',
        );
      }
      if (!ENTRY.test(entry))
        throw new BulkheadError(ErrorCode.INVALID_ARGUMENT, `expected the name of an entry, got '${entry}'`);
      if (Object.keys(change.set ?? {}).length === 0 && (change.reset ?? []).length === 0)
        throw new BulkheadError(
          ErrorCode.INVALID_ARGUMENT,
          "expected something to 'set' or to 'reset', got neither",
        );
      for (let tries = 0; tries < MAX_ATTEMPTS; tries += 1) {
        const after = await attempt(actor, entry, change, version);
        if (after === 'again') continue;
        await audit.settled();
        await store.notify(CONFIG_CHANGED, entry);
        return after;
      }
      throw new BulkheadError(
        ErrorCode.CONFLICT,
        `others kept changing ${entry}; read it again and repeat the change`,
      );
    },
  };
}

/**
 * As a configuration takes it. An entry of which everything was forgotten is not in it.
 *
 * @param seal opens what is sealed. Default: that stays unread, for who checks a configuration and does not run it
 * @throws SECRET_KEY_INVALID
 */
export function layerOf(
  entries: ReadonlyMap<string, StoredEntry>,
  seal?: Pick<ConfigSeal, 'open'>,
): Stored['layer'] {
  return new Map(
    [...entries].flatMap(([name, { leaves }]) =>
      leaves.length === 0
        ? []
        : [
            [
              name,
              treeOfLeaves(seal === undefined ? leaves : leaves.map((leaf) => openLeaf(leaf, name, seal))),
            ] as const,
          ],
    ),
  );
}

/** Every entry, read at once. */
export async function readEntries({ db }: Pick<Store, 'db'>): Promise<ReadonlyMap<string, StoredEntry>> {
  const rows = await db.selectFrom('config_layer').selectAll().orderBy('entry').execute();
  return new Map(rows.map(({ entry, version, leaves }) => [entry, { version, leaves: parseLeaves(leaves) }]));
}

function changed(entry: string, seen: number, now: number): BulkheadError {
  return new BulkheadError(
    ErrorCode.CONFLICT,
    `expected ${entry} in version ${seen}, it is in version ${now}; read it again and repeat the change`,
  );
}
