import { isPlainObject } from '@bulkhead/proto/rules';
import { resolveLocal, type JsonSchema } from '@bulkhead/proto/rules/schema';

/** Stands for a value that is never shown. */
export const HIDDEN = '***';

/** A value without what its schema marks `writeOnly`. Where branches of a schema differ, one that hides is enough. */
export function hideWriteOnly(value: unknown, schema: unknown, root: JsonSchema): unknown {
  const told = followed(schema, root, 0);
  if (told.some((branch) => branch['writeOnly'] === true)) return HIDDEN;
  if (Array.isArray(value)) {
    return value.map((item: unknown, index) => {
      let shown = item;
      for (const { items, prefixItems } of told) {
        const own: unknown = Array.isArray(prefixItems) ? (prefixItems[index] ?? items) : items;
        shown = hideWriteOnly(shown, own, root);
      }
      return shown;
    });
  }
  if (!isPlainObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      let shown: unknown = inner;
      for (const branch of told)
        for (const own of membersOf(branch, key)) shown = hideWriteOnly(shown, own, root);
      return [key, shown];
    }),
  );
}

/** How deep references and branches are followed; deeper ones are no real schema. */
const MAX_DEPTH = 32;

/** The schema and all that it leads to for the same value. */
function followed(schema: unknown, root: JsonSchema, depth: number): readonly JsonSchema[] {
  if (!isPlainObject(schema) || depth > MAX_DEPTH) return [];
  const more: unknown[] = [schema['if'], schema['then'], schema['else']];
  if (typeof schema['$ref'] === 'string') more.push(resolveLocal(schema['$ref'], root));
  for (const key of ['allOf', 'anyOf', 'oneOf']) {
    const branches = schema[key];
    if (Array.isArray(branches)) more.push(...branches);
  }
  return [schema, ...more.flatMap((branch) => followed(branch, root, depth + 1))];
}

function membersOf(branch: JsonSchema, key: string): readonly unknown[] {
  const { properties, patternProperties, additionalProperties } = branch;
  const own = isPlainObject(properties) && Object.hasOwn(properties, key) ? [properties[key]] : [];
  const byPattern = isPlainObject(patternProperties)
    ? Object.entries(patternProperties).flatMap(([pattern, inner]) => (matches(pattern, key) ? [inner] : []))
    : [];
  return own.length + byPattern.length > 0 ? [...own, ...byPattern] : [additionalProperties];
}

function matches(pattern: string, key: string): boolean {
  try {
    return new RegExp(pattern, 'u').test(key);
  } catch {
    // Rather hidden too often.
    return true;
  }
}
