import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import {
  parseObject,
  restoreSecrets,
  type Notes,
  type ObjectShapes,
  type ObjectType,
  type Violation,
} from '@bulkhead/proto/rules';
import type { Clock } from '../clock.js';
import type { PluginRecord } from '../dispatch/invocation.js';
import type { Actor, Audit } from '../telemetry/audit.js';
import type { Logger } from '../telemetry/logger.js';
import { callObjectHook, type HookTold } from './hook-call.js';
import type { HookDepths } from './hook-depth.js';
import { mayChange, mayDeny, type Action, type HookRotation, type HookedPlugin } from './hook-list.js';
import { ALLOWED, createRecord, failedReport, type RunReport } from './hook-record.js';
import { addNotes, applyNotes, type NoteChanges, type NotesByPlugin } from './object-rows.js';

export interface HookParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly audit: Audit;
  readonly depths: HookDepths;
  readonly rotation: HookRotation;
  /** The plugins that take calls now. */
  readonly active: () => readonly HookedPlugin[];
  /** Takes every record; never throws. */
  readonly onRecord: (record: PluginRecord) => void;
}

/** One change that somebody asks for. */
export interface Operation<Type extends ObjectType> {
  readonly id: string;
  readonly type: Type;
  readonly action: Action;
  readonly actor: Actor;
  readonly depth: number;
  readonly dryRun: boolean;
  /** As it would be; of a deletion as it is. Without the notes of plugins. */
  readonly object: ObjectShapes[Type];
  /** Nobody has seen its id yet: the host makes it. */
  readonly idIsNew: boolean;
  readonly previous?: ObjectShapes[Type];
  /** What is noted on it so far. */
  readonly notes: NotesByPlugin;
  readonly signal?: AbortSignal;
}

export interface BeforeResult<Type extends ObjectType> {
  readonly object: ObjectShapes[Type];
  readonly notes: NoteChanges;
}

/**
 * Runs the before hooks of a change, one after another; each sees what the ones before it changed.
 *
 * @param plugins in their order
 * @throws BulkheadError DENIED with the plugin's violation; the error of a guard that gave no answer
 */
export async function runBeforeHooks<Type extends ObjectType>(
  parts: HookParts,
  plugins: readonly HookedPlugin[],
  operation: Operation<Type>,
): Promise<BeforeResult<Type>> {
  const changes = new Map<string, Notes>();
  let { object } = operation;
  for (const plugin of plugins) {
    const { config } = plugin;
    if (parts.rotation.isOut(config.name)) continue;
    const notes = applyNotes(operation.notes, changes);
    const run = runOne(parts, operation, plugin, object, notes);
    // Nobody waits for a plugin that neither refuses nor changes anything, and has until the object is there.
    if (config.objectHookMode === 'fire_and_forget') {
      run.catch(() => undefined);
      continue;
    }
    const { object: next, notes: noted } = await run;
    object = next;
    if (noted !== undefined)
      changes.set(config.manifest.id, { ...changes.get(config.manifest.id), ...noted });
  }
  return { object, notes: changes };
}

interface OneResult<Type extends ObjectType> {
  readonly object: ObjectShapes[Type];
  readonly notes?: Notes;
}

async function runOne<Type extends ObjectType>(
  parts: HookParts,
  operation: Operation<Type>,
  plugin: HookedPlugin,
  object: ObjectShapes[Type],
  notes: NotesByPlugin,
): Promise<OneResult<Type>> {
  const { config } = plugin;
  const told = toldOf(operation, object, notes);
  const started = parts.clock.monotonic();
  const record = (report: RunReport): void => {
    parts.onRecord(createRecord(plugin, told, report, parts.clock.monotonic() - started));
  };
  // Thrown below: a plugin that fails may say in its error that somebody denied, and that is no denial of its own.
  let denial: BulkheadError;
  try {
    const answer = await callObjectHook(parts.depths, plugin, told, operation.signal);
    if (answer.kind === 'deny') {
      const { violation } = answer;
      const counts = mayDeny(config);
      record({ ...ALLOWED, requested: 'deny', effective: counts ? 'deny' : 'allow', code: violation.code });
      noteDenial(parts, operation, plugin, violation, counts);
      if (!counts) return { object, notes: answer.notes };
      denial = denied(config.name, violation);
    } else if (answer.kind === 'allow') {
      record(ALLOWED);
      return { object, notes: answer.notes };
    } else if (!mayChange(config)) {
      record({ ...ALLOWED, requested: 'modify', dropped: answer.changed });
      return { object, notes: answer.notes };
    } else {
      const changed = accept(operation, object, answer.object);
      record({ ...ALLOWED, requested: 'modify', effective: 'modify', changed: answer.changed });
      return { object: changed, notes: answer.notes };
    }
  } catch (thrown) {
    const error = BulkheadError.from(thrown);
    if (operation.signal?.aborted === true)
      throw new BulkheadError(ErrorCode.CANCELLED, 'nobody waits for the change any more', { cause: error });
    const refuses = mayDeny(config) && config.onError === 'fail';
    record(failedReport(error, refuses ? 'deny' : 'allow'));
    noteFailure(parts, plugin, told, error, refuses);
    if (refuses) throw unanswered(config.name, error);
    return { object };
  }
  throw denial;
}

function toldOf<Type extends ObjectType>(
  { id, type, action, actor, depth, dryRun, idIsNew, previous, notes: kept }: Operation<Type>,
  object: ObjectShapes[Type],
  notes: NotesByPlugin,
): HookTold {
  return {
    type,
    hook: `before_${action}`,
    objectId: idIsNew ? '' : object.id,
    object: addNotes(object, notes),
    ...(previous === undefined ? {} : { previous: addNotes(previous, kept) }),
    userId: actor.id,
    operationId: id,
    notes,
    dryRun,
    depth,
  };
}

/** The plugin's object, judged as if a person had written it. @throws BulkheadError INVALID_ANSWER */
function accept<Type extends ObjectType>(
  { type }: Operation<Type>,
  before: ObjectShapes[Type],
  answered: object,
): ObjectShapes[Type] {
  try {
    return parseObject(type, restoreSecrets(type, answered, before), before);
  } catch (error) {
    const { message } = BulkheadError.from(error);
    throw new BulkheadError(ErrorCode.INVALID_ANSWER, `the changed object: ${message}`, { cause: error });
  }
}

function denied(plugin: string, violation: Violation): BulkheadError {
  const { code, reason, description, http_status_code: httpStatus } = violation;
  return new BulkheadError(ErrorCode.DENIED, reason, {
    violation: {
      plugin,
      code,
      ...(description === undefined ? {} : { description }),
      ...(httpStatus === undefined ? {} : { httpStatus }),
    },
  });
}

/** A guard that could not judge; the error's own text may hold anything and is for the log. */
function unanswered(plugin: string, error: BulkheadError): BulkheadError {
  return new BulkheadError(
    error.code,
    `the change is refused because plugin '${plugin}', which guards it, gave no valid answer; try again when it runs`,
    { cause: error, retryable: true },
  );
}

function noteDenial(
  { audit }: HookParts,
  { id, type, action, actor, object, idIsNew }: Operation<ObjectType>,
  { config }: HookedPlugin,
  { code, reason }: Violation,
  counts: boolean,
): void {
  audit.note({
    actor,
    action: `${type}.${action}`,
    ...(idIsNew ? {} : { target: `${type}/${object.id}` }),
    outcome: counts ? 'denied' : 'suppressed',
    code,
    reason,
    details: { plugin: config.name, hook: `before_${action}`, operation_id: id },
  });
}

function noteFailure(
  { log, rotation }: HookParts,
  { config }: HookedPlugin,
  { type, hook, operationId }: HookTold,
  error: BulkheadError,
  refuses: boolean,
): void {
  log.warn(
    { plugin: config.name, hook: `${type}.${hook}`, operationId, code: error.code, err: error },
    refuses
      ? 'object hook failed; the change is refused'
      : 'object hook failed; the change goes on without it',
  );
  if (config.onError === 'disable') rotation.disable(config.name, `${error.code}: ${error.message}`);
}
