import { BulkheadError, ErrorCode } from '../../errors.js';
import { isDeeperThan, MAX_JSON_DEPTH } from '../../json/depth.js';
import type { JsonObject, JsonValue } from '../../json/lossless.js';
import { checkViolation, type Violation } from '../answer.js';
import type { ObjectHook } from '../contributions.js';
import { describe, isPlainObject } from '../payload.js';
import { isReservedKey } from '../reserved-keys.js';

/** What a handler of an object hook said. */
export interface ObjectAnswer {
  readonly decision: 'allow' | 'modify' | 'deny';
  /** JSON text of the whole object, with `modify`. */
  readonly objectJson?: string;
  /** With `deny`. */
  readonly violation?: unknown;
  /** Name to JSON text; an empty text removes the note. */
  readonly notes: Readonly<Record<string, string>>;
}

/** Notes to keep by name; undefined removes one. */
export type Notes = Readonly<Record<string, JsonValue | undefined>>;

export type CheckedObjectAnswer = { readonly notes: Notes } & (
  | { readonly kind: 'allow' }
  | { readonly kind: 'modify'; readonly object: JsonObject; readonly changed: readonly string[] }
  | { readonly kind: 'deny'; readonly violation: Violation }
);

/** Names and JSON texts of the notes that one plugin keeps on one object, together. */
export const MAX_NOTES_CHARS = 64 * 1024;
const MAX_NOTE_NAME = 128;
/** Fields that are the host's: an answer may repeat them, and not change them. */
const HOSTS_FIELDS = ['id', 'etag', 'created_at', 'updated_at'] as const;

/**
 * Checks the answer to an object hook. The one place that decides which answers are well-formed, for the real host and
 * the test harness alike; whether a changed object is a good one is `parseObject`'s to say.
 *
 * @param name for example `llm.before_create`
 * @param shown the object as the plugin was shown it
 * @throws BulkheadError INVALID_ANSWER that says what was expected and what came
 */
export function checkObjectAnswer(
  name: string,
  hook: ObjectHook,
  shown: Readonly<Record<string, unknown>>,
  answer: ObjectAnswer,
): CheckedObjectAnswer {
  const notes = checkNotes(name, answer.notes);
  switch (answer.decision) {
    case 'allow':
      return { kind: 'allow', notes };
    case 'deny':
      if (!hook.startsWith('before_')) throw wrong(name, 'what is done cannot be denied any more');
      return { kind: 'deny', violation: checkViolation({ name }, answer.violation), notes };
    case 'modify': {
      if (hook !== 'before_create' && hook !== 'before_update')
        throw wrong(name, 'only before_create and before_update may change the object');
      const object = readObject(name, answer.objectJson ?? '');
      for (const field of HOSTS_FIELDS) {
        if (object[field] !== undefined && object[field] !== shown[field])
          throw wrong(name, `'${field}' is the host's to write; leave it as it came`);
      }
      const changed = changedFields(shown, object);
      return changed.length === 0 ? { kind: 'allow', notes } : { kind: 'modify', object, changed, notes };
    }
  }
}

/** Names of the fields in which two objects differ. */
export function changedFields(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): readonly string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter(
    (name) =>
      !HOSTS_FIELDS.some((field) => field === name) &&
      JSON.stringify(before[name]) !== JSON.stringify(after[name]),
  );
}

/** @throws BulkheadError INVALID_ANSWER */
export function checkNotes(name: string, notes: Readonly<Record<string, string>>): Notes {
  let chars = 0;
  const checked: Record<string, JsonValue | undefined> = {};
  for (const [key, text] of Object.entries(notes)) {
    if (isReservedKey(key))
      throw wrong(name, `metadata: the name '${key.slice(0, MAX_NOTE_NAME)}' is reserved`);
    if (key.length > MAX_NOTE_NAME)
      throw wrong(name, `metadata: a name may have ${String(MAX_NOTE_NAME)} characters`);
    chars += key.length + text.length;
    if (chars > MAX_NOTES_CHARS)
      throw wrong(name, `metadata may be ${String(MAX_NOTES_CHARS)} characters of names and JSON`);
    checked[key] = text === '' ? undefined : readJson(name, `metadata.${key}`, text);
  }
  return checked;
}

/** A plugin's notes with the new ones; those that are undefined are gone. */
export function withNotes(kept: JsonObject, notes: Notes): JsonObject {
  const next: Record<string, JsonValue> = { ...kept };
  for (const [name, value] of Object.entries(notes)) {
    if (value === undefined) Reflect.deleteProperty(next, name);
    else next[name] = value;
  }
  return next;
}

function readObject(name: string, text: string): JsonObject {
  const value = readJson(name, 'the changed object', text);
  if (isJsonObject(value)) return value;
  throw wrong(name, `expected the changed object, got ${describe(value)}`);
}

function isJsonObject(value: JsonValue): value is JsonObject {
  return isPlainObject(value);
}

function readJson(name: string, what: string, text: string): JsonValue {
  if (isDeeperThan(text, MAX_JSON_DEPTH))
    throw wrong(name, `${what} nests deeper than ${String(MAX_JSON_DEPTH)} levels`);
  try {
    return JSON.parse(text) as JsonValue;
  } catch (error) {
    throw wrong(name, `${what} is not JSON`, error);
  }
}

function wrong(name: string, what: string, cause?: unknown): BulkheadError {
  return new BulkheadError(ErrorCode.INVALID_ANSWER, `answer to ${name}: ${what}`, { cause });
}
