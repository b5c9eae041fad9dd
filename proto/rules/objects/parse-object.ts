import { createHash } from 'node:crypto';
import type { ValidateFunction } from 'ajv';
import { BulkheadError, ErrorCode, type Problem } from '../../errors.js';
import { isDeeperThan } from '../../json/depth.js';
import type { ObjectType } from '../contributions.js';
import { describe, isPlainObject } from '../payload.js';
import { isReservedKey } from '../reserved-keys.js';
import { problemsFromAjv } from '../schema/ajv-problems.js';
import { compileSchema } from '../schema/compile.js';
import { problemAt, type Keys } from '../schema/problem.js';
import { CREDENTIAL_FIELDS, OBJECT_SCHEMAS } from './schemas.js';
import { SEMANTICS } from './semantics.js';
import type { ObjectShapes } from './shapes.js';

/** Longest JSON text of an object, in UTF-16 units. */
export const MAX_OBJECT_CHARS = 512 * 1024;
const MAX_OBJECT_DEPTH = 64;

/** What the host says of an object, whatever is written. */
export interface ObjectIdentity {
  readonly id: string;
  readonly etag: string;
  readonly created_at: string;
  readonly updated_at: string;
}

type Validators = { readonly [Type in ObjectType]: () => ValidateFunction<ObjectShapes[Type]> };

/** Compiled when the first object of the type comes. */
const VALIDATORS: Validators = {
  llm: validatorOf('llm'),
  datasource: validatorOf('datasource'),
  tool: validatorOf('tool'),
  user: validatorOf('user'),
  app: validatorOf('app'),
};

function validatorOf<Type extends ObjectType>(type: Type): () => ValidateFunction<ObjectShapes[Type]> {
  let compiled: ValidateFunction<ObjectShapes[Type]> | undefined;
  return () =>
    (compiled ??= compileSchema<ObjectShapes[Type]>(OBJECT_SCHEMAS[type], {
      useDefaults: true,
      trusted: true,
    }));
}

/**
 * Takes in what somebody wrote as an object: checks it, fills in defaults, keeps credentials as hashes only, and leaves
 * out what only the host or a plugin writes. The input is not changed.
 *
 * @param identity what takes the place of whatever the input says of itself
 * @throws BulkheadError INVALID_ARGUMENT with every problem
 */
export function parseObject<Type extends ObjectType>(
  type: Type,
  input: unknown,
  identity: ObjectIdentity,
): ObjectShapes[Type] {
  const validate = VALIDATORS[type]();
  const value: unknown = copyOf(type, input, identity);
  if (!validate(value)) {
    throw invalidObject(
      type,
      problemsFromAjv(validate.errors ?? [], value, {
        code: ErrorCode.INVALID_ARGUMENT,
        missingCode: ErrorCode.MISSING_REQUIRED_FIELD,
        describeValue: (keys, data) => (mayShow(type, keys) ? describe(data) : 'a value that is not shown'),
      }),
    );
  }
  const faults = [...metadataFaults(value.metadata), ...SEMANTICS[type](value)];
  if (faults.length > 0) {
    throw invalidObject(
      type,
      faults.map(([keys, message]) => problemAt(ErrorCode.INVALID_ARGUMENT, keys, message)),
    );
  }
  return value;
}

/**
 * An object as the store keeps it; defaults that a later release knows are filled in.
 *
 * @throws BulkheadError INTERNAL for what was never one
 */
export function reviveObject<Type extends ObjectType>(
  type: Type,
  stored: object,
  identity: ObjectIdentity,
): ObjectShapes[Type] {
  const validate = VALIDATORS[type]();
  const value: unknown = { ...stored, ...only(identity) };
  if (validate(value)) return value;
  throw new BulkheadError(ErrorCode.INTERNAL, `the stored ${type} '${identity.id}' is none`);
}

/** `sha256:` and the hash in hex, as credentials are kept. */
export function hashCredential(credential: string): string {
  return `sha256:${createHash('sha256').update(credential).digest('hex')}`;
}

/** An error with the problems of one object. */
export function invalidObject(type: ObjectType, problems: readonly Problem[]): BulkheadError {
  const told = problems.map(({ path, message }) => (path === undefined ? message : `${path}: ${message}`));
  const first = problems[0];
  return new BulkheadError(ErrorCode.INVALID_ARGUMENT, `the ${type} is not valid: ${told.join(' ')}`, {
    problems,
    ...(first?.path === undefined ? {} : { field: first.path }),
  });
}

/** An object says it too, and more. */
function only({ id, etag, created_at, updated_at }: ObjectIdentity): ObjectIdentity {
  return { id, etag, created_at, updated_at };
}

function copyOf(type: ObjectType, input: unknown, identity: ObjectIdentity): Record<string, unknown> {
  if (!isPlainObject(input)) {
    throw invalidObject(type, [
      problemAt(ErrorCode.INVALID_ARGUMENT, [], `expected an object, got ${describe(input)}.`),
    ]);
  }
  const text = textOf(input);
  if (text === undefined || text.length > MAX_OBJECT_CHARS || isDeeperThan(text, MAX_OBJECT_DEPTH)) {
    const limit = `at most ${String(MAX_OBJECT_CHARS)} characters of JSON, ${String(MAX_OBJECT_DEPTH)} levels deep`;
    throw invalidObject(type, [problemAt(ErrorCode.INVALID_ARGUMENT, [], `expected ${limit}.`)]);
  }
  const copy: Record<string, unknown> = { ...(JSON.parse(text) as object), ...only(identity) };
  const { metadata } = copy;
  if (isPlainObject(metadata)) copy['metadata'] = withoutNotes(metadata);
  takeCredentials(type, copy);
  return copy;
}

/** The JSON text; undefined for what nests too deep to be written. */
function textOf(input: object): string | undefined {
  try {
    return JSON.stringify(input);
  } catch {
    return undefined;
  }
}

/** Credentials in clear become hashes. What is no list of good credentials stays, and fails the check. */
function takeCredentials(type: ObjectType, copy: Record<string, unknown>): void {
  const fields = CREDENTIAL_FIELDS[type];
  if (fields === undefined) return;
  const clear = copy[fields.clear];
  const hashes = (copy[fields.hashes] ??= []);
  if (!isGood(clear) || !Array.isArray(hashes)) return;
  Reflect.deleteProperty(copy, fields.clear);
  copy[fields.hashes] = [...new Set<unknown>([...(hashes as unknown[]), ...clear.map(hashCredential)])];
}

const MIN_CREDENTIAL_CHARS = 16;
const MAX_CREDENTIAL_CHARS = 4_096;

function isGood(clear: unknown): clear is readonly string[] {
  return (
    Array.isArray(clear) &&
    clear.every(
      (one) =>
        typeof one === 'string' && one.length >= MIN_CREDENTIAL_CHARS && one.length <= MAX_CREDENTIAL_CHARS,
    )
  );
}

const NOTES_PREFIX = 'plugin:';

/** The key under which a plugin's notes stand in an object's metadata. */
export function notesKey(pluginId: string): string {
  return `${NOTES_PREFIX}${pluginId}`;
}

function withoutNotes(metadata: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(metadata).filter(([key]) => !key.startsWith(NOTES_PREFIX)));
}

function metadataFaults(metadata: object): readonly (readonly [Keys, string])[] {
  return Object.keys(metadata)
    .filter(isReservedKey)
    .map((key) => [['metadata', key], `the name '${key}' is reserved; use another one.`] as const);
}

/** Whether a value at this place may stand in a message: it is not, and is not in, a secret. */
function mayShow(type: ObjectType, keys: Keys): boolean {
  let schema: unknown = OBJECT_SCHEMAS[type];
  for (const key of keys) {
    if (!isPlainObject(schema)) return true;
    const { items, properties, additionalProperties: others } = schema;
    const known = isPlainObject(properties) && Object.hasOwn(properties, key) ? properties[key] : others;
    schema = typeof key === 'number' ? items : known;
    if (isPlainObject(schema) && schema['writeOnly'] === true) return false;
  }
  return true;
}
