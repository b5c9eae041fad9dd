import { BulkheadError, ErrorCode } from '../errors.js';
import { JsonText, stringifyJson } from '../json/index.js';
import type { FieldKind, FieldSpec, HookSpec } from './hook-table.js';
import { encodeFields, type WireValue } from './payload-wire.js';

/**
 * A payload between the edges: the hook's own field names; a `json` field holds a JsonText, every other
 * kind its plain value. An absent optional field is not a key.
 */
export type Payload = Readonly<Record<string, unknown>>;

const EXPECTED: Record<FieldKind, string> = {
  text: 'a string',
  texts: 'a list of strings',
  number: 'a whole number from 0 to 4294967295',
  flag: 'true or false',
  headers: 'an object of strings',
  json: 'a JSON value',
};

function fits(kind: FieldKind, value: unknown): boolean {
  switch (kind) {
    case 'text':
      return typeof value === 'string';
    case 'texts':
      return Array.isArray(value) && value.every((item) => typeof item === 'string');
    case 'number':
      return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff;
    case 'flag':
      return typeof value === 'boolean';
    case 'headers':
      return isPlainObject(value) && Object.values(value).every((item) => typeof item === 'string');
    case 'json':
      return (
        value !== undefined &&
        typeof value !== 'function' &&
        typeof value !== 'symbol' &&
        typeof value !== 'bigint'
      );
  }
}

export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What came, in a few words, for an error message. */
export function describe(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  return `${typeof value} ${String(value)}`;
}

/**
 * One field in its travelling form.
 *
 * @throws BulkheadError INVALID_PAYLOAD
 */
export function toTravelling(spec: HookSpec, name: string, value: unknown): unknown {
  const field = Object.hasOwn(spec.fields, name) ? spec.fields[name] : undefined;
  if (field === undefined) {
    throw invalid(spec, name, `no such field; it has ${Object.keys(spec.fields).join(', ')}`);
  }
  if (field.kind === 'json') {
    if (value instanceof JsonText) return value;
    if (!fits('json', value)) throw invalid(spec, name, `expected ${EXPECTED.json}, got ${describe(value)}`);
    try {
      return new JsonText(stringifyJson(value));
    } catch (error) {
      throw invalid(
        spec,
        name,
        `expected ${EXPECTED.json}: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }
  if (!fits(field.kind, value)) {
    throw invalid(spec, name, `expected ${EXPECTED[field.kind]}, got ${describe(value)}`);
  }
  return value;
}

function invalid(spec: HookSpec, name: string, what: string): BulkheadError {
  return new BulkheadError(ErrorCode.INVALID_PAYLOAD, `payload of ${spec.name}: field '${name}': ${what}`, {
    field: name,
  });
}

/**
 * A caller's payload in travelling form, every field checked and defaults filled in.
 *
 * @throws BulkheadError INVALID_PAYLOAD
 */
export function parsePayload(spec: HookSpec, value: unknown): Payload {
  const given = assertObject(spec, value);
  const payload: Record<string, unknown> = {};
  for (const name in spec.fields) {
    const field = spec.fields[name];
    if (field === undefined) continue;
    const item = given[name];
    if (item !== undefined) payload[name] = toTravelling(spec, name, item);
    else if ('fallback' in field) payload[name] = toTravelling(spec, name, field.fallback);
    else if (!field.optional) throw missing(spec, name, field);
  }
  refuseUnknown(spec, given);
  return payload;
}

function assertObject(spec: HookSpec, value: unknown): Payload {
  if (isPlainObject(value)) return value;
  throw new BulkheadError(
    ErrorCode.INVALID_PAYLOAD,
    `payload of ${spec.name}: expected an object, got ${describe(value)}`,
  );
}

function missing(spec: HookSpec, name: string, field: FieldSpec): BulkheadError {
  return invalid(spec, name, `expected ${EXPECTED[field.kind]}, got nothing`);
}

function refuseUnknown(spec: HookSpec, given: Payload): void {
  for (const name in given) {
    if (!Object.hasOwn(spec.fields, name)) toTravelling(spec, name, given[name]);
  }
}

/**
 * Checks a caller's payload as {@link parsePayload} does, but writes no JSON text: for a call that no plugin will see.
 *
 * @throws BulkheadError INVALID_PAYLOAD
 */
export function checkPayload(spec: HookSpec, value: unknown): Payload {
  const given = assertObject(spec, value);
  for (const name in spec.fields) {
    const field = spec.fields[name];
    if (field === undefined) continue;
    const item = given[name];
    if (item === undefined) {
      if (!('fallback' in field) && !field.optional) throw missing(spec, name, field);
    } else if (!fits(field.kind, item)) {
      throw invalid(spec, name, `expected ${EXPECTED[field.kind]}, got ${describe(item)}`);
    }
  }
  refuseUnknown(spec, given);
  return given;
}

/** The payload's protobuf bytes; with `only`, just those fields. */
export function encodePayload(spec: HookSpec, payload: Payload, only?: readonly string[]): Uint8Array {
  if (spec.family === 'custom') return encodeMembers(spec, payload, only);
  const fields: FieldSpec[] = [];
  const values: WireValue[] = [];
  for (const name of only ?? Object.keys(payload)) {
    const field = spec.fields[name];
    const value = payload[name];
    if (field === undefined || value === undefined) continue;
    fields.push(field);
    values.push(value instanceof JsonText ? value.text : (value as WireValue));
  }
  return encodeFields(fields, values);
}

function encodeMembers(spec: HookSpec, payload: Payload, only?: readonly string[]): Uint8Array {
  const message: Record<string, string> = {};
  for (const name of only ?? Object.keys(payload)) {
    const value = payload[name];
    if (value instanceof JsonText) message[name] = value.text;
  }
  return spec.codec.encode(message);
}

/**
 * A payload from its bytes; with `only`, just those fields. A `json` field that is empty on the wire is absent.
 *
 * @throws BulkheadError PROTOCOL_ERROR when the bytes are no such message
 */
export function decodePayload(spec: HookSpec, bytes: Uint8Array, only?: readonly string[]): Payload {
  let message: Readonly<Record<string, unknown>>;
  try {
    message = spec.codec.decode(bytes);
  } catch (error) {
    throw new BulkheadError(
      ErrorCode.PROTOCOL_ERROR,
      `payload of ${spec.name}: the bytes are no such message`,
      {
        cause: error,
      },
    );
  }
  const payload: Record<string, unknown> = {};
  for (const name of only ?? Object.keys(spec.fields)) {
    const field = spec.fields[name];
    if (field === undefined || !Object.hasOwn(message, field.wire)) continue;
    const value = message[field.wire];
    if (value === undefined) continue;
    if (field.kind !== 'json') payload[name] = value;
    else if (value !== '') payload[name] = new JsonText(String(value));
  }
  return payload;
}
