import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { changedFields, type ObjectHook, type ObjectShapes, type ObjectType } from '@bulkhead/proto/rules';
import type { Transaction } from 'kysely';
import type { Clock } from '../clock.js';
import type { EventOutbox, NewEvent } from '../events/outbox.js';
import type { Database } from '../store/database.js';
import type { Store } from '../store/store.js';
import { isUniqueViolation } from '../store/unique-violation.js';
import type { Audit, AuditEntry } from '../telemetry/audit.js';
import type { Logger } from '../telemetry/logger.js';
import type { Operation } from './before-hooks.js';
import { hooksFor, type Action, type HookedPlugin } from './hook-list.js';
import type { ClaimedRun, HookRuns, PendingRun } from './hook-runs.js';
import { addNotes, applyNotes, type NoteChanges } from './object-rows.js';
import type { ObjectTable } from './object-table.js';
import { assertReferences, assertUnreferenced, hasReferences } from './references.js';
import { hasSecrets, type Seal } from './seal.js';

/** Told to every host when an object is another one: JSON of type and id. */
export const OBJECTS_CHANNEL = 'objects';

export interface CommitParts<Type extends ObjectType> {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly audit: Audit;
  readonly events: Pick<EventOutbox, 'append' | 'appending' | 'wake'>;
  readonly runs: HookRuns;
  readonly table: ObjectTable<Type>;
  readonly seal: Seal;
  readonly active: () => readonly HookedPlugin[];
}

/** What became of a change: done, and how many after hooks wait; or somebody else came between. */
export type Committed<Type extends ObjectType> =
  | { readonly done: true; readonly object: ObjectShapes[Type]; readonly pending: number }
  | { readonly done: false };

/** Thrown out of a transaction, so that nothing of it stands. */
class CameBetween extends Error {}

const PAST: Readonly<Record<Action, string>> = { create: 'created', update: 'updated', delete: 'deleted' };

/**
 * Writes a change that its before hooks let through: object, audit row, event and pending after hooks stand or fall together.
 *
 * @param object as the hooks left it
 * @throws BulkheadError ALREADY_EXISTS, INVALID_ARGUMENT, CONFLICT, SECRET_KEY_INVALID
 */
export async function commitChange<Type extends ObjectType>(
  parts: CommitParts<Type>,
  operation: Operation<Type>,
  object: ObjectShapes[Type],
  notes: NoteChanges,
): Promise<Committed<Type>> {
  const { store, audit, table } = parts;
  const { type, action, actor } = operation;
  const after: ObjectHook = `after_${action}`;
  const plugins = hooksFor(parts.active(), type, after, actor);
  const entry = auditEntry(operation, object);
  const event: NewEvent = {
    topic: `system.${type}.${PAST[action]}`,
    dataJson: JSON.stringify({ type, id: object.id, operation_id: operation.id, actor }),
  };
  const runsOf = (written: ObjectShapes[Type]): readonly PendingRun[] =>
    plugins.map(({ config }) => ({
      plugin: config.name,
      hook: after,
      type,
      objectId: object.id,
      operationId: operation.id,
      userId: actor.id,
      depth: operation.depth,
      object: written,
      ...(operation.previous === undefined ? {} : { previous: operation.previous }),
    }));
  const done = async ({ written, heard }: Written<Type>): Promise<Committed<Type>> => {
    if (heard) parts.events.wake();
    await audit.settled();
    return { done: true, object: written, pending: plugins.length };
  };

  const secret = [object, operation.previous ?? {}].some((each) => hasSecrets(type, each));
  if (action === 'create' && !secret && !hasReferences(object)) {
    const created = await createAtOnce(parts, object, notes, { entry, event, runsOf });
    if (created !== undefined) return done(created);
  }
  if (secret) await parts.seal.prepare();
  try {
    const committed = await store.transaction(async (trx) => {
      // One after another in the store, sent without waiting for each other.
      const [written, , heard] = await Promise.all([
        writeObject(trx, table, operation, object, notes),
        audit.write(trx, entry),
        parts.events.append(trx, event),
      ]);
      await parts.runs.add(trx, runsOf(written), parts.clock.now());
      return { written, heard };
    });
    return await done(committed);
  } catch (error) {
    if (error instanceof CameBetween) return { done: false };
    throw error;
  }
}

interface Written<Type extends ObjectType> {
  readonly written: ObjectShapes[Type];
  /** Somebody is to get the event. */
  readonly heard: boolean;
}

/** What is written with an object. */
interface Beside<Type extends ObjectType> {
  readonly entry: AuditEntry;
  readonly event: NewEvent;
  readonly runsOf: (written: ObjectShapes[Type]) => readonly PendingRun[];
}

/**
 * Writes a new object that needs nothing of what the store holds, but that its keys are free: all of it is one batch.
 *
 * @returns undefined when a key is taken, and nothing is written
 */
async function createAtOnce<Type extends ObjectType>(
  { store, audit, table, events, runs, clock }: CommitParts<Type>,
  object: ObjectShapes[Type],
  notes: NoteChanges,
  { entry, event, runsOf }: Beside<Type>,
): Promise<Written<Type> | undefined> {
  const noted = applyNotes({}, notes);
  const written = addNotes(object, noted);
  const queries = [
    events.appending(event),
    ...table.inserting(store.db, object, noted),
    ...runs.adding(store.db, runsOf(written), clock.now()),
  ];
  try {
    const [appended] = await audit.batch(store, queries, entry);
    return { written, heard: (appended?.numAffectedRows ?? 0n) > 0n };
  } catch (error) {
    if (isUniqueViolation(error)) return undefined;
    throw error;
  }
}

async function writeObject<Type extends ObjectType>(
  trx: Transaction<Database>,
  table: ObjectTable<Type>,
  { type, action, previous, notes: kept }: Operation<Type>,
  object: ObjectShapes[Type],
  notes: NoteChanges,
): Promise<ObjectShapes[Type]> {
  if (action === 'delete') {
    await assertUnreferenced(trx, type, object.id);
    if (!(await table.remove(trx, object.id, object.etag))) throw new CameBetween();
    return addNotes(object, kept);
  }
  await assertReferences(trx, type, object);
  if (action === 'create') {
    const noted = applyNotes({}, notes);
    await table.insert(trx, object, noted);
    return addNotes(object, noted);
  }
  if (!(await table.replace(trx, previous?.etag ?? '', object))) throw new CameBetween();
  return addNotes(object, (await table.changeNotes(trx, object.id, notes)) ?? {});
}

function auditEntry<Type extends ObjectType>(
  { id, type, action, actor, previous }: Operation<Type>,
  object: ObjectShapes[Type],
): AuditEntry {
  const fields =
    previous === undefined || action === 'delete' ? [] : changedFields({ ...previous }, { ...object });
  return {
    actor,
    action: `${type}.${action}`,
    target: `${type}/${object.id}`,
    outcome: 'allowed',
    details: { operation_id: id, ...(action === 'update' ? { changed: fields } : {}) },
  };
}

/**
 * Ends a run of an after hook, with the notes that it wrote and what the audit log is to know.
 *
 * @returns false when it is another host's by now: then nothing is written
 */
export async function commitRun(
  {
    store,
    audit,
    runs,
    table,
  }: Pick<CommitParts<ObjectType>, 'store' | 'audit' | 'runs'> & {
    readonly table: Pick<ObjectTable<ObjectType>, 'changeNotes'>;
  },
  run: ClaimedRun,
  changes: NoteChanges,
  entry: AuditEntry | undefined,
): Promise<boolean> {
  return store.transaction(async (trx) => {
    if (!(await runs.end(trx, run))) return false;
    if ([...changes.values()].some((notes) => Object.keys(notes).length > 0))
      await table.changeNotes(trx, run.objectId, changes);
    if (entry !== undefined) await audit.write(trx, entry);
    return true;
  });
}

/** Tells every host. The change stands whether it is heard or not, and whoever keeps objects reads them again after a while. */
export async function announceChange(
  { store, log }: { readonly store: Store; readonly log: Logger },
  type: ObjectType,
  id: string,
): Promise<void> {
  try {
    await store.notify(OBJECTS_CHANNEL, JSON.stringify([type, id]));
  } catch (error) {
    log.warn({ err: error, object: `${type}/${id}` }, 'other hosts were not told of a change');
  }
}

/** An object that somebody else changed meanwhile. */
export function changedMeanwhile(type: ObjectType, id: string): BulkheadError {
  return new BulkheadError(
    ErrorCode.CONFLICT,
    `the ${type} '${id}' is not what you have seen; read it again, and then change it`,
    { field: 'etag', retryable: true },
  );
}
