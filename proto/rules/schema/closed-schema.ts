import type { JsonSchema } from './problem.js';

// Keywords whose subschemas judge the same place as the schema that they stand in.
const SAME_PLACE_LIST = ['allOf', 'anyOf', 'oneOf'];
const SAME_PLACE = ['if', 'then', 'else', 'not'];
const SAME_PLACE_MAP = ['dependentSchemas', 'dependencies'];
// Keywords whose subschemas judge a place further in.
const INNER = [
  'items',
  'additionalProperties',
  'additionalItems',
  'contains',
  'unevaluatedItems',
  'unevaluatedProperties',
];
const INNER_LIST = ['items', 'prefixItems'];
const INNER_MAP = ['properties', 'patternProperties'];
const DEFINITIONS = ['$defs', 'definitions'];
const CLOSERS = ['additionalProperties', 'unevaluatedProperties', '$dynamicRef', '$recursiveRef'];

/**
 * The schema with `additionalProperties: false` (or `unevaluatedProperties: false` where schemas are combined) at
 * each place that names properties and says nothing about others. `{type: object}` without any named property stays
 * open, except at the root: a configuration that names no key takes none. The input is not changed.
 */
export function closeObjects(schema: JsonSchema): JsonSchema {
  const closed = place(schema, schema);
  return isSchema(closed) && !names(closed, schema, new Set()) && !says(closed)
    ? { ...closed, additionalProperties: false }
    : closed;
}

/** One place in the instance: closes it unless something says otherwise, and goes further in. */
function place(schema: JsonSchema, root: JsonSchema): JsonSchema {
  const copy = inside(schema, root);
  if (says(schema) || !names(schema, root, new Set())) return copy;
  const combined = [...SAME_PLACE_LIST, ...SAME_PLACE, ...SAME_PLACE_MAP, '$ref'].some(
    (key) => key in schema,
  );
  return { ...copy, [combined ? 'unevaluatedProperties' : 'additionalProperties']: false };
}

/** Goes through the subschemas without closing this one. */
function inside(schema: JsonSchema, root: JsonSchema): JsonSchema {
  const out: Record<string, unknown> = { ...schema };
  const each = (key: string, change: (value: JsonSchema) => JsonSchema): void => {
    const value = out[key];
    if (isSchema(value)) out[key] = change(value);
  };
  const within = (value: JsonSchema): JsonSchema => inside(value, root);
  const further = (value: JsonSchema): JsonSchema => place(value, root);
  const members =
    (change: (value: JsonSchema) => JsonSchema) =>
    (map: JsonSchema): JsonSchema =>
      Object.fromEntries(
        Object.entries(map).map(([key, value]) => [key, isSchema(value) ? change(value) : value]),
      );
  const list = (key: string, change: (value: JsonSchema) => JsonSchema): void => {
    const value = out[key];
    if (Array.isArray(value)) out[key] = value.map((item: unknown) => (isSchema(item) ? change(item) : item));
  };
  for (const key of SAME_PLACE) each(key, within);
  for (const key of SAME_PLACE_LIST) list(key, within);
  for (const key of [...SAME_PLACE_MAP, ...DEFINITIONS]) each(key, members(within));
  for (const key of INNER) each(key, further);
  for (const key of INNER_LIST) list(key, further);
  for (const key of INNER_MAP) each(key, members(further));
  return out;
}

/** Whether the schema itself says what becomes of other keys. */
function says(schema: JsonSchema): boolean {
  return CLOSERS.some((key) => key in schema);
}

/** Whether the schema names a property of this place, itself or through what it combines. */
function names(schema: JsonSchema, root: JsonSchema, seen: Set<JsonSchema>): boolean {
  if (seen.has(schema)) return false;
  seen.add(schema);
  const properties = schema['properties'];
  if (isSchema(properties) && Object.keys(properties).length > 0) return true;
  if (isSchema(schema['patternProperties'])) return true;
  const parts: unknown[] = SAME_PLACE.filter((key) => key !== 'not').map((key) => schema[key]);
  for (const key of SAME_PLACE_LIST)
    if (Array.isArray(schema[key])) parts.push(...(schema[key] as unknown[]));
  for (const key of SAME_PLACE_MAP) if (isSchema(schema[key])) parts.push(...Object.values(schema[key]));
  if (typeof schema['$ref'] === 'string') parts.push(resolveLocal(schema['$ref'], root));
  return parts.some((part) => isSchema(part) && names(part, root, seen));
}

/** The target of `#/a/b`; undefined for any other reference. */
export function resolveLocal(ref: string, root: JsonSchema): unknown {
  if (ref === '#') return root;
  if (!ref.startsWith('#/')) return undefined;
  let found: unknown = root;
  for (const step of ref.slice(2).split('/')) {
    const key = decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~');
    if (Array.isArray(found)) found = found[Number(key)];
    else if (isSchema(found) && Object.hasOwn(found, key)) found = found[key];
    else return undefined;
  }
  return found;
}

export function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
