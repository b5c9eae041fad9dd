import { randomUUID } from 'node:crypto';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { parseJson, stringifyJson, type JsonObject } from '@bulkhead/proto/json';
import { Decision, InvokeObjectHookRequest, InvokeObjectHookResponse } from '@bulkhead/proto/plugin';
import {
  isPlainObject,
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
  const body = InvokeObjectHookRequest.encode({
    objectType: type,
    hook,
    objectId: operation.objectId ?? object.id ?? '',
    objectJson: stringifyJson(object),
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
  const changed = answer.decision === Decision.DECISION_MODIFY;
  return {
    allowed: answer.decision !== Decision.DECISION_DENY,
    object: changed ? readObject<Type>(answer.objectJson) : object,
    changed,
    violation: answer.violation === undefined ? undefined : violationFromWire(answer.violation),
    metadata: mergeNotes(notes, answer.metadata),
  };
}

function readObject<Type extends ObjectType>(text: string): Partial<ObjectShapes[Type]> {
  const value: unknown = parseJson(text);
  if (!isPlainObject(value)) throw new BulkheadError(ErrorCode.INVALID_ANSWER, 'the object is none');
  // The runtime made it from the object that the test gave and from changes of its fields.
  return value as Partial<ObjectShapes[Type]>;
}

/** An empty text removes its note. */
function mergeNotes(before: JsonObject, written: Readonly<Record<string, string>>): JsonObject {
  const after: Record<string, JsonObject[string]> = { ...before };
  for (const [key, text] of Object.entries(written)) {
    if (text === '') Reflect.deleteProperty(after, key);
    else after[key] = parseJson(text);
  }
  return after;
}
