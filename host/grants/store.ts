import { permissionNames } from '@bulkhead/proto/rules/schema';
import type { Clock } from '../clock.js';
import type { GrantLookup } from '../config/effective-grant.js';
import type { Store } from '../store/store.js';
import { NO_AUDIT, type Actor, type Audit } from '../telemetry/audit.js';
import { assertPluginId, toGrant, toRow } from './grant-row.js';
import type { Grant, GrantDecision } from './grant.js';
import { takeOverGrantFiles } from './take-over.js';

/** What operators decided, per plugin. */
export interface GrantStore extends GrantLookup {
  /** The decision in force; undefined when nobody decided. @throws GRANT_INVALID */
  get(id: string): Promise<Grant | undefined>;
  /** Stores a decision with the time; it is in force when this resolves, and every host on the store is told. */
  put(id: string, decision: GrantDecision): Promise<Grant>;
  /** Every decision that is kept, oldest first. @throws GRANT_INVALID */
  history(id: string): Promise<readonly Grant[]>;
  /** All that is in force now, read at once. */
  snapshot(): Promise<GrantLookup>;
}

export interface GrantStoreOptions {
  readonly store: Store;
  /** Where an older release kept decisions in files; they are taken over once. */
  readonly dataDir: string;
  readonly clock: Clock;
  /** Default: nothing is audited, for whoever only reads. */
  readonly audit?: Pick<Audit, 'write' | 'settled'>;
}

/** Says that somebody decided; the payload is the plugin's id. */
export const GRANTS_CHANGED = 'grants_changed';

/** Decisions of one plugin that are kept. */
const MAX_DECISIONS = 100;

/** @throws STORE_UNAVAILABLE and the like */
export async function openGrantStore(options: GrantStoreOptions): Promise<GrantStore> {
  const { store, dataDir, clock, audit = NO_AUDIT } = options;
  const { db } = store;
  const notTakenOver = await takeOverGrantFiles(store, dataDir);
  const none = (id: string): undefined => {
    const fault = notTakenOver.get(id);
    if (fault !== undefined) throw fault;
    return undefined;
  };
  const history = async (id: string): Promise<readonly Grant[]> => {
    assertPluginId(id);
    const rows = await db
      .selectFrom('grants')
      .selectAll()
      .where('plugin_id', '=', id)
      .orderBy('id')
      .execute();
    return rows.length === 0 ? (none(id) ?? []) : rows.map(toGrant);
  };
  return {
    history,
    async get(id) {
      assertPluginId(id);
      const row = await db
        .selectFrom('grants')
        .selectAll()
        .where('plugin_id', '=', id)
        .orderBy('id', 'desc')
        .limit(1)
        .executeTakeFirst();
      return row === undefined ? none(id) : toGrant(row);
    },
    async put(id, decision) {
      assertPluginId(id);
      const grant = { ...decision, at: new Date(clock.now()).toISOString() };
      await store.transaction(async (trx) => {
        await trx.insertInto('grants').values(toRow(id, grant)).execute();
        const kept = await trx
          .selectFrom('grants')
          .select('id')
          .where('plugin_id', '=', id)
          .orderBy('id', 'desc')
          .limit(1)
          .offset(MAX_DECISIONS - 1)
          .executeTakeFirst();
        if (kept !== undefined)
          await trx.deleteFrom('grants').where('plugin_id', '=', id).where('id', '<', kept.id).execute();
        await audit.write(trx, {
          actor: actorOf(decision.by),
          action: 'grant.decided',
          target: `plugin/${id}`,
          outcome: 'allowed',
          details: {
            plugin_version: decision.pluginVersion,
            asked: permissionNames(decision.asked),
            granted: permissionNames(decision.granted),
          },
        });
      });
      await audit.settled();
      await store.notify(GRANTS_CHANGED, id);
      return grant;
    },
    async snapshot() {
      const newest = db
        .selectFrom('grants')
        .select(({ fn }) => fn.max('id').as('id'))
        .groupBy('plugin_id');
      const rows = await db.selectFrom('grants').selectAll().where('id', 'in', newest).execute();
      const byId = new Map(rows.map((row) => [row.plugin_id, row]));
      return {
        get: async (id) => {
          const row = byId.get(id);
          return Promise.resolve(row === undefined ? none(id) : toGrant(row));
        },
      };
    },
  };
}

/** Decisions come from a command line; what else decides names itself `<kind>:<id>`. */
function actorOf(by: string): Actor {
  const [, kind, id] = /^(token|host):(.+)$/.exec(by) ?? [];
  return id !== undefined && (kind === 'token' || kind === 'host') ? { kind, id } : { kind: 'cli', id: by };
}
