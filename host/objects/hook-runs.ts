import { randomBytes } from 'node:crypto';
import type { ObjectHook, ObjectType } from '@bulkhead/proto/rules';
import { OBJECT_HOOKS, OBJECT_TYPES, isPlainObject } from '@bulkhead/proto/rules';
import type { Compilable, Insertable, Kysely, Transaction } from 'kysely';
import type { Database } from '../store/database.js';
import type { ObjectHookRunRow } from '../store/tables/objects.js';
import type { Selectable } from 'kysely';
import { openObject, sealObject, type Seal } from './seal.js';

/** An after hook that has to run. */
export interface PendingRun {
  /** The configured entry. */
  readonly plugin: string;
  readonly hook: ObjectHook;
  readonly type: ObjectType;
  readonly objectId: string;
  readonly operationId: string;
  readonly userId: string;
  readonly depth: number;
  /** In clear. */
  readonly object: object;
  readonly previous?: object;
}

/** One that this host runs now. */
export interface ClaimedRun extends PendingRun {
  readonly rowId: number;
  readonly claim: string;
  /** How often it was begun, this time included. */
  readonly attempts: number;
}

/** The after hooks that wait in the store. Whoever claims one has it until `leaseMs` later, and only the claim ends it. */
export interface HookRuns {
  add(trx: Transaction<Database>, runs: readonly PendingRun[], nowMs: number): Promise<void>;
  /** The same for a batch, of objects without secrets. */
  adding(db: Kysely<Database>, runs: readonly PendingRun[], nowMs: number): readonly Compilable[];
  /** Plugins among these for which one is due. */
  due(db: Kysely<Database>, plugins: readonly string[], nowMs: number): Promise<readonly string[]>;
  /** In order for each object: while one waits, later ones of the same object and plugin do too. */
  claim(
    db: Kysely<Database>,
    plugin: string,
    limit: number,
    nowMs: number,
    leaseMs: number,
  ): Promise<readonly ClaimedRun[]>;
  /** @returns false when somebody else has claimed it since */
  end(db: Kysely<Database>, run: ClaimedRun): Promise<boolean>;
  /** Puts it off; an attempt that does not count is taken back. */
  defer(db: Kysely<Database>, run: ClaimedRun, dueMs: number, counts: boolean): Promise<void>;
  /** Takes out those that wait since before `sinceMs`. */
  expire(db: Kysely<Database>, sinceMs: number): Promise<readonly PendingRun[]>;
}

export function createHookRuns(seal: Seal): HookRuns {
  return {
    async add(trx, runs, nowMs) {
      if (runs.length === 0) return;
      const rows = await Promise.all(
        runs.map(async (run) => {
          const { type, objectId, object, previous } = run;
          const sealed = await sealObject(seal, trx, type, objectId, object);
          if (previous === undefined) return rowOf(run, sealed, undefined, nowMs);
          return rowOf(run, sealed, await sealObject(seal, trx, type, objectId, previous), nowMs);
        }),
      );
      await trx.insertInto('object_hook_runs').values(rows).execute();
    },
    adding(db, runs, nowMs) {
      if (runs.length === 0) return [];
      const rows = runs.map((run) => rowOf(run, run.object, run.previous, nowMs));
      return [db.insertInto('object_hook_runs').values(rows)];
    },
    async due(db, plugins, nowMs) {
      if (plugins.length === 0) return [];
      const rows = await db
        .selectFrom('object_hook_runs')
        .select('plugin')
        .distinct()
        .where('due_ms', '<=', nowMs)
        .where('plugin', 'in', plugins)
        .execute();
      return rows.map(({ plugin }) => plugin);
    },
    async claim(db, plugin, limit, nowMs, leaseMs) {
      const claim = randomBytes(12).toString('base64url');
      const rows = await db
        .updateTable('object_hook_runs')
        .set(({ eb }) => ({ claim, due_ms: nowMs + leaseMs, attempts: eb('attempts', '+', 1) }))
        // Said twice: whoever came between on another host has moved it on.
        .where('due_ms', '<=', nowMs)
        .where('id', 'in', (from) =>
          from
            .selectFrom('object_hook_runs as run')
            .select('run.id')
            .where('run.plugin', '=', plugin)
            .where('run.due_ms', '<=', nowMs)
            .where(({ not, exists, selectFrom }) =>
              not(
                exists(
                  selectFrom('object_hook_runs as earlier')
                    .select('earlier.id')
                    .whereRef('earlier.object_type', '=', 'run.object_type')
                    .whereRef('earlier.object_id', '=', 'run.object_id')
                    .whereRef('earlier.plugin', '=', 'run.plugin')
                    .whereRef('earlier.id', '<', 'run.id'),
                ),
              ),
            )
            .orderBy('run.id')
            .limit(limit),
        )
        .returningAll()
        .execute();
      return rows.flatMap((row) => {
        const run = readRun(seal, row);
        return run === undefined ? [] : [{ ...run, rowId: row.id, claim, attempts: row.attempts }];
      });
    },
    async end(db, { rowId, claim }) {
      const ended = await db
        .deleteFrom('object_hook_runs')
        .where('id', '=', rowId)
        .where('claim', '=', claim)
        .returning('id')
        .execute();
      return ended.length > 0;
    },
    async defer(db, { rowId, claim, attempts }, dueMs, counts) {
      await db
        .updateTable('object_hook_runs')
        .set({ due_ms: dueMs, claim: null, attempts: counts ? attempts : attempts - 1 })
        .where('id', '=', rowId)
        .where('claim', '=', claim)
        .execute();
    },
    async expire(db, sinceMs) {
      const rows = await db
        .deleteFrom('object_hook_runs')
        .where('created_ms', '<', sinceMs)
        .returningAll()
        .execute();
      return rows.flatMap((row) => readRun(seal, row) ?? []);
    },
  };
}

/** @param object without its secrets in clear, and so is `previous` */
function rowOf(
  { plugin, hook, type, objectId, operationId, depth, userId }: PendingRun,
  object: object,
  previous: object | undefined,
  nowMs: number,
): Insertable<ObjectHookRunRow> {
  return {
    plugin,
    hook,
    object_type: type,
    object_id: objectId,
    operation_id: operationId,
    payload: JSON.stringify({ user_id: userId, object, ...(previous === undefined ? {} : { previous }) }),
    depth,
    attempts: 0,
    due_ms: nowMs,
    claim: null,
    created_ms: nowMs,
  };
}

function readRun(seal: Seal, row: Selectable<ObjectHookRunRow>): PendingRun | undefined {
  const type = OBJECT_TYPES.find((name) => name === row.object_type);
  const hook = OBJECT_HOOKS.find((name) => name === row.hook);
  const payload: unknown = JSON.parse(row.payload);
  if (type === undefined || hook === undefined || !isPlainObject(payload)) return undefined;
  const { user_id: userId, object, previous } = payload;
  return {
    plugin: row.plugin,
    hook,
    type,
    objectId: row.object_id,
    operationId: row.operation_id,
    userId: typeof userId === 'string' ? userId : '',
    depth: row.depth,
    object: openObject(seal, type, row.object_id, isPlainObject(object) ? object : {}),
    ...(isPlainObject(previous) ? { previous: openObject(seal, type, row.object_id, previous) } : {}),
  };
}
