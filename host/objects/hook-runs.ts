import { randomBytes } from 'node:crypto';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { ObjectHook, ObjectType } from '@bulkhead/proto/rules';
import { OBJECT_HOOKS, OBJECT_TYPES, isPlainObject } from '@bulkhead/proto/rules';
import type { Compilable, Insertable, Kysely, Transaction } from 'kysely';
import type { Database } from '../store/database.js';
import type { ObjectHookRunRow } from '../store/tables/objects.js';
import type { Selectable } from 'kysely';
import { openObject, sealObject, type Seal } from './seal.js';

/** Which run it is; needs no key. */
export interface RunIdentity {
  /** The configured entry. */
  readonly plugin: string;
  readonly hook: ObjectHook;
  readonly type: ObjectType;
  readonly objectId: string;
  readonly operationId: string;
}

/** What the hook is told of. */
export interface RunPayload {
  readonly userId: string;
  /** In clear. */
  readonly object: object;
  readonly previous?: object;
}

/** An after hook that has to run. */
export interface PendingRun extends RunIdentity, RunPayload {
  readonly depth: number;
}

/** One that this host runs now. */
export interface ClaimedRun extends RunIdentity {
  readonly rowId: number;
  readonly claim: string;
  /** How often it was begun, this time included. */
  readonly attempts: number;
  readonly depth: number;
  /** @throws SECRET_KEY_INVALID when a secret in it does not open here; INTERNAL when the row was changed in the store */
  readonly open: () => RunPayload;
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
  expire(db: Kysely<Database>, sinceMs: number): Promise<readonly RunIdentity[]>;
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
        const run = readIdentity(row);
        if (run === undefined) return [];
        const { id: rowId, attempts, depth } = row;
        // What one of them holds is its own trouble: the others of the plugin run.
        return [{ ...run, rowId, claim, attempts, depth, open: () => openPayload(seal, run, row.payload) }];
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
      return rows.flatMap((row) => readIdentity(row) ?? []);
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

function readIdentity(row: Selectable<ObjectHookRunRow>): RunIdentity | undefined {
  const type = OBJECT_TYPES.find((name) => name === row.object_type);
  const hook = OBJECT_HOOKS.find((name) => name === row.hook);
  if (type === undefined || hook === undefined) return undefined;
  return { plugin: row.plugin, hook, type, objectId: row.object_id, operationId: row.operation_id };
}

function openPayload(seal: Seal, { type, objectId }: RunIdentity, text: string): RunPayload {
  const payload = parsePayload(text);
  const { user_id: userId, object, previous } = payload;
  return {
    userId: typeof userId === 'string' ? userId : '',
    object: openObject(seal, type, objectId, isPlainObject(object) ? object : {}),
    ...(isPlainObject(previous) ? { previous: openObject(seal, type, objectId, previous) } : {}),
  };
}

function parsePayload(text: string): Readonly<Record<string, unknown>> {
  let payload: unknown;
  try {
    payload = JSON.parse(text);
  } catch {
    payload = undefined;
  }
  if (isPlainObject(payload)) return payload;
  throw new BulkheadError(
    ErrorCode.INTERNAL,
    'expected what the hook is told of as a JSON object in the store, got something else: it was changed there',
  );
}
