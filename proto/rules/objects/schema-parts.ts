import type { JsonSchema } from '../schema/problem.js';

/** Of what people write in one line. */
const MAX_LINE = 255;
const MAX_TEXT = 4_096;
const MAX_LIST = 1_000;

export const OBJECT_ID_PATTERN = '^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$';

export const line = (description: string): JsonSchema => ({
  type: 'string',
  minLength: 1,
  maxLength: MAX_LINE,
  description,
});

export const text = (description: string): JsonSchema => ({
  type: 'string',
  maxLength: MAX_TEXT,
  description,
});

/** A text that only who may see secrets sees. */
export const secret = (description: string): JsonSchema => ({
  type: 'string',
  minLength: 1,
  maxLength: MAX_TEXT,
  writeOnly: true,
  description,
});

export const lines = (description: string): JsonSchema => ({
  type: 'array',
  maxItems: MAX_LIST,
  items: { type: 'string', minLength: 1, maxLength: MAX_LINE },
  default: [],
  'x-expected': 'a list of texts',
  description,
});

export const flag = (byDefault: boolean, description: string): JsonSchema => ({
  type: 'boolean',
  default: byDefault,
  description,
});

export const oneOf = (names: readonly string[], description: string): JsonSchema => ({
  enum: names,
  description,
});

/** Header names in lower case or not, each with a secret value. */
export const secretHeaders = (description: string): JsonSchema => ({
  type: 'object',
  maxProperties: 100,
  propertyNames: { pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$" },
  additionalProperties: {
    type: 'string',
    maxLength: MAX_TEXT,
    pattern: '^[\\t\\x20-\\x7e\\x80-\\xff]*$',
    writeOnly: true,
  },
  description,
});

export const hashes = (description: string): JsonSchema => ({
  type: 'array',
  maxItems: 100,
  items: {
    type: 'string',
    pattern: '^sha256:[0-9a-f]{64}$',
    'x-expected': '`sha256:` and the hash in hex',
    writeOnly: true,
  },
  description,
});

/** Credentials in clear: taken in, and kept as hashes only. */
export const clearCredentials = (description: string): JsonSchema => ({
  type: 'array',
  maxItems: 100,
  items: {
    type: 'string',
    minLength: 16,
    maxLength: MAX_TEXT,
    'x-expected': 'a credential of 16 to 4,096 characters',
    writeOnly: true,
  },
  description,
});

/** A JSON Schema that somebody wrote; whether it compiles is judged apart. */
export const schemaOf = (description: string): JsonSchema => ({ type: 'object', description });

/** An object's schema: its own fields, and what every object has. Unknown fields are refused. */
export function objectSchema(
  title: string,
  description: string,
  required: readonly string[],
  properties: JsonSchema,
): JsonSchema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title,
    description,
    type: 'object',
    additionalProperties: false,
    required,
    properties: {
      id: {
        type: 'string',
        pattern: OBJECT_ID_PATTERN,
        'x-expected': '1 to 128 letters, digits, dots, hyphens and underscores, a letter or digit first',
        description: 'Unique among objects of its type. Made by the host where there is none; never changes.',
      },
      ...properties,
      active: flag(true, 'Whether it is in use.'),
      metadata: {
        type: 'object',
        default: {},
        description:
          'What people and systems noted. What plugins noted is under `plugin:<id>` and only theirs to change: such keys are passed over in what is written.',
      },
      etag: { type: 'string', readOnly: true, description: 'Changes with each write; what If-Match takes.' },
      created_at: { type: 'string', readOnly: true, description: 'ISO 8601.' },
      updated_at: { type: 'string', readOnly: true, description: 'ISO 8601.' },
    },
  };
}
