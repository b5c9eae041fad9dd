import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import {
  checkViolation,
  describe,
  isPlainObject,
  type ObjectHook,
  type ObjectType,
  type Violation,
} from '@bulkhead/proto/rules';

/** Fields that the host alone writes; notes of a plugin's own go through its metadata. */
const HOST_FIELDS = ['id', 'etag', 'created_at', 'updated_at', 'metadata'] as const;

/** A checked answer to an object hook. A change to `undefined` takes the field out. */
export type ReadObjectAnswer =
  | { readonly kind: 'allow' }
  | { readonly kind: 'modify'; readonly changes: Readonly<Record<string, unknown>> }
  | { readonly kind: 'deny'; readonly violation: Violation };

type Source = Readonly<Record<string, unknown>>;

const ALLOW: ReadObjectAnswer = { kind: 'allow' };

/** Whether the hook's answer may change the object. */
function mayChange(hook: ObjectHook): boolean {
  return hook === 'before_create' || hook === 'before_update';
}

/** Whether the hook's answer may refuse the operation. */
function mayDeny(hook: ObjectHook): boolean {
  return hook.startsWith('before_');
}

/**
 * Reads what the handler of an object hook returned. Whether the object is good with the changes is for the host to say.
 *
 * @throws BulkheadError INVALID_ANSWER that says what was expected and what came
 */
export function readObjectAnswer(type: ObjectType, hook: ObjectHook, answer: unknown): ReadObjectAnswer {
  if (answer === undefined || answer === null) return ALLOW;
  const spec = { name: `${type}.${hook}` };
  const kind = isPlainObject(answer) ? answer['kind'] : undefined;
  if (!isPlainObject(answer) || (kind !== 'modify' && kind !== 'deny')) {
    throw wrong(spec.name, `expected nothing, modify({…}) or deny({…}), got ${describe(answer)}`);
  }
  if (kind === 'deny') {
    if (!mayDeny(hook)) throw wrong(spec.name, 'what has happened cannot be denied any more');
    return { kind, violation: checkViolation(spec, answer['violation']) };
  }
  if (!mayChange(hook)) throw wrong(spec.name, 'only before_create and before_update may modify');
  const { changes } = answer;
  if (!isPlainObject(changes)) throw wrong(spec.name, `modify takes an object, got ${describe(changes)}`);
  const kept = HOST_FIELDS.find((field) => Object.hasOwn(changes, field));
  if (kept !== undefined) {
    const advice = kept === 'metadata' ? "; a plugin's notes are written with ctx.metadata" : '';
    throw wrong(spec.name, `'${kept}' is the host's to write${advice}`);
  }
  return Object.keys(changes).length === 0 ? ALLOW : { kind, changes };
}

/** The object with a checked answer's changes in it. */
export function applyObjectChanges(object: Source, changes: Source): Source {
  return Object.fromEntries(
    Object.entries({ ...object, ...changes }).filter(([, value]) => value !== undefined),
  );
}

function wrong(name: string, what: string): BulkheadError {
  return new BulkheadError(ErrorCode.INVALID_ANSWER, `answer to ${name}: ${what}`);
}
