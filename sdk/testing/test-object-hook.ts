import { randomUUID } from 'node:crypto';
import { stringifyJson, type JsonObject } from '@bulkhead/proto/json';
import { Decision, InvokeObjectHookRequest, InvokeObjectHookResponse } from '@bulkhead/proto/plugin';
import {
  checkObjectAnswer,
  withNotes,
  type ObjectHook,
  type ObjectShapes,
  type ObjectType,
  type Violation,
} from '@bulkhead/proto/rules';
import type { PluginRuntime } from '../runtime/plugin-runtime.js';
import { violationFromWire } from '../runtime/wire-violation.js';
import { callWithDeadline } from './call-with-deadline.js';

/** An operation on an object, as a test makes it up. */
export interface TestOperation<Type extends ObjectType> {
  readonly objectId?: string;
  readonly previous?: Partial<ObjectShapes[Type]>;
  /** The before and after hooks of one operation have one. Default: a new one for each call. */
  readonly operationId?: string;
  /** Seen with permission read_user alone. */
  readonly userId?: string;
  /** What the plugin noted so far. */
  readonly metadata?: JsonObject;
  readonly dryRun?: boolean;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** What an object hook came to. */
export interface TestObjectResult<Type extends ObjectType> {
  readonly allowed: boolean;
  /** After the hook's changes. */
  readonly object: Partial<ObjectShapes[Type]>;
  readonly changed: boolean;
  readonly violation: Violation | undefined;
  /** The plugin's notes on the object, after the call. */
  readonly metadata: JsonObject;
}

export interface ObjectHookParts {
  readonly runtime: PluginRuntime;
  /** Whether the plugin may know who asks. */
  readonly readsUser: boolean;
  readonly timeoutMs: number;
}

/**
 * Runs one object hook as the host does.
 *
 * @throws BulkheadError UNKNOWN_HOOK, PLUGIN_ERROR, INVALID_ANSWER, DEADLINE_EXCEEDED, CANCELLED, as a rejection
 */
export async function callObjectHook<Type extends ObjectType>(
  { runtime, readsUser, timeoutMs }: ObjectHookParts,
  type: Type,
  hook: ObjectHook,
  object: Partial<ObjectShapes[Type]>,
  operation: TestOperation<Type>,
): Promise<TestObjectResult<Type>> {
  const notes = operation.metadata ?? {};
  const objectJson = stringifyJson(object);
  const body = InvokeObjectHookRequest.encode({
    objectType: type,
    hook,
    objectId: operation.objectId ?? object.id ?? '',
    objectJson,
    previousJson: operation.previous === undefined ? '' : stringifyJson(operation.previous),
    userId: readsUser ? (operation.userId ?? '') : '',
    operationId: operation.operationId ?? randomUUID(),
    metadataJson: stringifyJson(notes),
    dryRun: operation.dryRun ?? false,
  }).finish();
  const answer = InvokeObjectHookResponse.decode(
    await callWithDeadline((incoming) => runtime.invokeObjectHook(body, incoming), {
      timeoutMs: operation.timeoutMs ?? timeoutMs,
      signal: operation.signal,
      traceparent: undefined,
    }),
  );
  const { violation } = answer;
  const shown = Object.fromEntries(Object.entries(object));
  const checked = checkObjectAnswer(`${type}.${hook}`, hook, shown, {
    decision: DECISIONS[answer.decision] ?? 'allow',
    objectJson: answer.objectJson,
    violation: violation === undefined ? undefined : violationFromWire(violation),
    notes: answer.metadata,
  });
  return {
    allowed: checked.kind !== 'deny',
    // The runtime made it from the object that the test gave; the rule has just looked at it.
    object: checked.kind === 'modify' ? (checked.object as Partial<ObjectShapes[Type]>) : object,
    changed: checked.kind === 'modify',
    violation: checked.kind === 'deny' ? checked.violation : undefined,
    metadata: withNotes(notes, checked.notes),
  };
}

const DECISIONS: Readonly<Partial<Record<Decision, 'modify' | 'deny'>>> = {
  [Decision.DECISION_MODIFY]: 'modify',
  [Decision.DECISION_DENY]: 'deny',
};
