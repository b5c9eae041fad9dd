import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import {
  CREDENTIAL_FIELDS,
  hashCredential,
  isPlainObject,
  parseObject,
  redactObject,
  restoreSecrets,
  type ObjectShapes,
  type ObjectType,
} from '@bulkhead/proto/rules';
import { randomUUID } from 'node:crypto';
import type { Actor } from '../telemetry/audit.js';
import { runBeforeHooks, type HookParts, type Operation } from './before-hooks.js';
import { announceChange, changedMeanwhile, commitChange, type CommitParts } from './commit.js';
import { hooksFor } from './hook-list.js';
import { createEtag, createObjectId } from './object-id.js';
import { addNotes, applyNotes, type ObjectRecord } from './object-rows.js';
import type { ObjectTable } from './object-table.js';
import type { ObjectCollection, WriteQuery } from './objects.js';
import { assertReferences, assertUnreferenced } from './references.js';

/** How often a change without an etag is made again when somebody else comes between. */
const MAX_TRIES = 5;

export interface CollectionParts extends Omit<CommitParts<ObjectType>, 'table'> {
  readonly hooks: HookParts;
  /** After hooks wait in the store. */
  readonly onPending: () => void;
}

export function createCollection<Type extends ObjectType>(
  type: Type,
  table: ObjectTable<Type>,
  parts: CollectionParts,
): ObjectCollection<ObjectShapes[Type]> {
  const { store, clock, hooks } = parts;
  type Shape = ObjectShapes[Type];

  const find = (id: string): Promise<ObjectRecord<Type> | undefined> => table.find(store.db, id);
  const read = async (id: string): Promise<ObjectRecord<Type>> => {
    const record = await find(id);
    if (record !== undefined) return record;
    throw new BulkheadError(ErrorCode.NOT_FOUND, `there is no ${type} with the id '${id.slice(0, 128)}'`);
  };

  /** Hooks, then the commit. Undefined when somebody else came between. */
  const carryOut = async (operation: Operation<Type>): Promise<Shape | undefined> => {
    const { dryRun, action } = operation;
    const assertPossible = async (object: Shape): Promise<void> => {
      if (action === 'delete') return assertUnreferenced(store.db, type, object.id);
      await assertReferences(store.db, type, object);
      return table.assertFree(store.db, object, action === 'create' && !operation.idIsNew);
    };
    const plugins = hooksFor(hooks.active(), type, `before_${action}`, operation.actor);
    // What would be refused anyway bothers no plugin; without any, the commit says it.
    if (plugins.length > 0) await assertPossible(operation.object);
    const { object, notes } = await runBeforeHooks(hooks, plugins, operation);
    if (dryRun) {
      await assertPossible(object);
      return addNotes(object, applyNotes(operation.notes, notes));
    }
    const committed = await commitChange({ ...parts, table }, operation, object, notes);
    if (!committed.done) return undefined;
    if (committed.pending > 0) parts.onPending();
    await announceChange(parts, type, object.id);
    return committed.object;
  };

  const operationOf = (
    actor: Actor,
    query: WriteQuery,
  ): Pick<Operation<Type>, 'id' | 'type' | 'actor' | 'depth' | 'dryRun'> & {
    readonly signal?: AbortSignal;
  } => ({
    id: randomUUID(),
    type,
    actor,
    depth: hooks.depths.of(actor),
    dryRun: query.dryRun ?? false,
    ...(query.signal === undefined ? {} : { signal: query.signal }),
  });

  /** Does `attempt` with the object as it is, again when somebody else came between and the caller named no etag. */
  const onCurrent = async <T>(
    id: string,
    query: WriteQuery,
    attempt: (record: ObjectRecord<Type>) => Promise<T | undefined>,
  ): Promise<T> => {
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const record = await read(id);
      if (query.ifMatch !== undefined && query.ifMatch !== record.object.etag) break;
      const result = await attempt(record);
      if (result !== undefined) return result;
    }
    throw changedMeanwhile(type, id);
  };

  const change: ObjectCollection<Shape>['change'] = (actor, id, make, query = {}) =>
    onCurrent(id, query, ({ object, plain: previous, notes }) => {
      const made = make(redactObject(type, object));
      const written = isPlainObject(made)
        ? restoreSecrets(type, writtenOver(type, made, object), object)
        : made;
      const next = parseObject(type, written, {
        id,
        etag: createEtag(),
        created_at: object.created_at,
        updated_at: new Date(clock.now()).toISOString(),
      });
      return carryOut({
        ...operationOf(actor, query),
        action: 'update',
        object: next,
        previous,
        notes,
        idIsNew: false,
      });
    });

  return {
    list: (query = {}) => table.list(store.db, query),
    count: (filter = {}) => table.count(store.db, filter),
    get: async (id) => (await read(id)).object,
    find: async (id) => (await find(id))?.object,
    findByCredential: async (credential) =>
      (await table.findByCredential(store.db, hashCredential(credential)))?.object,
    async create(actor, input, query = {}) {
      const now = clock.now();
      const given = isPlainObject(input) ? givenId(input['id']) : undefined;
      const at = new Date(now).toISOString();
      const written = isPlainObject(input) ? restoreSecrets(type, input, undefined) : input;
      const object = parseObject(type, written, {
        id: given ?? createObjectId(now),
        etag: createEtag(),
        created_at: at,
        updated_at: at,
      });
      const created = await carryOut({
        ...operationOf(actor, query),
        action: 'create',
        object,
        notes: {},
        idIsNew: given === undefined,
      });
      if (created !== undefined) return created;
      throw changedMeanwhile(type, object.id);
    },
    async update(actor, id, input, query = {}) {
      return change(actor, id, () => input, query);
    },
    change,
    async delete(actor, id, query = {}) {
      await onCurrent(id, query, async ({ plain, notes }) =>
        carryOut({
          ...operationOf(actor, query),
          action: 'delete',
          object: plain,
          notes,
          idIsNew: false,
        }),
      );
    },
    async note(actor, id, pluginId, notes) {
      const kept = await store.transaction(async (trx) => {
        const changed = await table.changeNotes(trx, id, new Map([[pluginId, notes]]));
        if (changed === undefined) return false;
        await parts.audit.write(trx, {
          actor,
          action: `${type}.note`,
          target: `${type}/${id}`,
          outcome: 'allowed',
          details: { plugin_id: pluginId, names: Object.keys(notes) },
        });
        return true;
      });
      await parts.audit.settled();
      if (kept) await announceChange(parts, type, id);
      return (await read(id)).object;
    },
  };
}

/** What somebody wrote over an object; hashes of credentials that they do not speak of stay. */
function writtenOver(
  type: ObjectType,
  written: Readonly<Record<string, unknown>>,
  object: ObjectShapes[ObjectType],
): object {
  const { id } = written;
  if (id !== undefined && id !== object.id) {
    throw new BulkheadError(
      ErrorCode.INVALID_ARGUMENT,
      `id: expected '${object.id}', which never changes, got ${JSON.stringify(id).slice(0, 130)}`,
      { field: 'id' },
    );
  }
  const field = CREDENTIAL_FIELDS[type]?.hashes;
  if (field === undefined || written[field] !== undefined) return written;
  return { ...written, [field]: new Map<string, unknown>(Object.entries(object)).get(field) };
}

/** @throws BulkheadError INVALID_ARGUMENT for what is no text */
function givenId(id: unknown): string | undefined {
  if (id === undefined || typeof id === 'string') return id;
  throw new BulkheadError(ErrorCode.INVALID_ARGUMENT, `id: expected text, got ${typeof id}`, { field: 'id' });
}
