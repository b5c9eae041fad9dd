import { ENTRY_NAME } from '@bulkhead/proto/rules';
import type { JsonSchema } from '@bulkhead/proto/rules/schema';

// What the schemas of sections are put together from.

export const text = { type: 'string' };
export const texts = { type: 'array', items: text, 'x-expected': 'a list of texts' };
export const textMap = { type: 'object', additionalProperties: text };

/** A duration in milliseconds, at most a day. */
export function ms(byDefault: number, description: string): JsonSchema {
  return { type: 'integer', minimum: 1, maximum: 86_400_000, default: byDefault, description };
}

export function bytes(byDefault: number, description: string): JsonSchema {
  return { type: 'integer', minimum: 1, maximum: 1_073_741_824, default: byDefault, description };
}

export function section(description: string, properties: JsonSchema): JsonSchema {
  return { type: 'object', additionalProperties: false, default: {}, description, properties };
}

/** A map by name, or a list whose items carry their name under `key`. */
export function named(
  key: string,
  properties: JsonSchema,
  required: readonly string[],
  description: string,
): JsonSchema {
  const item = { type: 'object', additionalProperties: false, properties, required };
  return {
    anyOf: [
      { type: 'object', propertyNames: { pattern: ENTRY_NAME }, additionalProperties: item },
      {
        type: 'array',
        items: { ...item, properties: { [key]: text, ...properties }, required: [key, ...required] },
      },
    ],
    'x-expected': `a map by ${key}, or a list of items with ${key}`,
    description,
  };
}
