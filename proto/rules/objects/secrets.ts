import { BulkheadError, ErrorCode } from '../../errors.js';
import type { ObjectType } from '../contributions.js';
import { isPlainObject } from '../payload.js';
import { formatPath, type JsonSchema, type Keys } from '../schema/problem.js';
import { OBJECT_SCHEMAS } from './schemas.js';
import { newDestination } from './secret-destinations.js';

/** What stands where a secret stands, for whoever may not see it. In a list with the number of the item, from 1. */
export const REDACTED_SECRET = '[redacted]';
const MARKER = /^\[redacted(?::([1-9]\d{0,5}))?\]$/;

/** Whether a text only stands for a secret. */
export function isRedacted(value: unknown): boolean {
  return typeof value === 'string' && MARKER.test(value);
}

/** A copy of an object, or of what somebody wrote as one, with each secret replaced. Which they are, the schema says. */
export function mapSecrets<T extends object>(
  type: ObjectType,
  object: T,
  replace: (secret: string, keys: Keys) => string,
): T {
  return mapped(OBJECT_SCHEMAS[type], object, [], replace);
}

/** A copy fit for whoever may not see secrets. */
export function redactObject<T extends object>(type: ObjectType, object: T): T {
  return mapSecrets(type, object, (_secret, keys) => {
    const last = keys.at(-1);
    return typeof last === 'number' ? `[redacted:${String(last + 1)}]` : REDACTED_SECRET;
  });
}

/**
 * What somebody wrote who saw only redacted secrets, with the secrets that are kept.
 *
 * @param kept the object as it is; undefined when there is none yet
 * @throws BulkheadError INVALID_ARGUMENT for a marker that stands for nothing, and when a secret that the writer may not
 * know would be sent where it was not sent before
 */
export function restoreSecrets<T extends object>(type: ObjectType, written: T, kept: object | undefined): T {
  let restored = false;
  const whole = mapSecrets(type, written, (secret, keys) => {
    const marker = MARKER.exec(secret);
    if (marker === null) return secret;
    const place = marker[1] === undefined ? keys : [...keys.slice(0, -1), Number(marker[1]) - 1];
    const found = valueAt(kept, place);
    if (typeof found === 'string') {
      restored ||= marker[1] === undefined;
      return found;
    }
    throw new BulkheadError(
      ErrorCode.INVALID_ARGUMENT,
      `${formatPath(keys)}: '${secret}' stands for a secret that is kept, and there is none; write the secret itself or leave it out`,
      { field: formatPath(keys) },
    );
  });
  const elsewhere = restored ? newDestination(type, whole, kept ?? {}) : undefined;
  if (elsewhere === undefined) return whole;
  throw new BulkheadError(
    ErrorCode.INVALID_ARGUMENT,
    `the secrets would be sent to ${elsewhere}, where they were not sent before; write them out, or leave them out`,
    { field: elsewhere },
  );
}

function mapped<T>(
  schema: JsonSchema,
  value: T,
  keys: Keys,
  replace: (secret: string, keys: Keys) => string,
): T;
function mapped(
  schema: JsonSchema,
  value: unknown,
  keys: Keys,
  replace: (secret: string, keys: Keys) => string,
): unknown {
  if (schema['writeOnly'] === true) return typeof value === 'string' ? replace(value, keys) : value;
  const { items, properties, additionalProperties: others } = schema;
  if (Array.isArray(value)) {
    if (!isPlainObject(items)) return value;
    return value.map((item: unknown, index) => mapped(items, item, [...keys, index], replace));
  }
  if (!isPlainObject(value)) return value;
  const known = isPlainObject(properties) ? properties : {};
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => {
      const inner = Object.hasOwn(known, key) ? known[key] : others;
      return [key, isPlainObject(inner) ? mapped(inner, member, [...keys, key], replace) : member];
    }),
  );
}

function valueAt(value: unknown, keys: Keys): unknown {
  let found = value;
  for (const key of keys) {
    if (Array.isArray(found)) found = found[Number(key)];
    else if (isPlainObject(found) && Object.hasOwn(found, key)) found = found[key];
    else return undefined;
  }
  return found;
}
