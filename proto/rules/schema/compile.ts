import { Ajv, type Options, type ValidateFunction } from 'ajv';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import type { JsonSchema } from './problem.js';

export type Draft = 'draft-07' | '2019-09' | '2020-12';

const DRAFTS: Readonly<Record<string, Draft>> = {
  'json-schema.org/draft-07/schema': 'draft-07',
  'json-schema.org/draft/2019-09/schema': '2019-09',
  'json-schema.org/draft/2020-12/schema': '2020-12',
};

/** The draft that a schema names in `$schema`; 2020-12 when it names none; undefined when it names another one. */
export function draftOf(schema: JsonSchema): Draft | undefined {
  const named = schema['$schema'];
  if (named === undefined) return '2020-12';
  if (typeof named !== 'string') return undefined;
  return DRAFTS[named.replace(/^https?:\/\//, '').replace(/#$/, '')];
}

export interface CompileOptions {
  /** Fill in `default`s; the validator then changes the value that it is given. Default: false. */
  readonly useDefaults?: boolean;
  /** A schema of our own, which a test holds against its meta-schema: not checked again, which takes longer than all the rest. Default: false. */
  readonly trusted?: boolean;
  /** Takes one line for each keyword or format that has no effect. */
  readonly onWarning?: (line: string) => void;
}

/**
 * Compiles a schema under the rules of its own draft. References outside the schema are never fetched.
 *
 * @throws Error that says what is wrong with the schema
 */
export function compileSchema<T = unknown>(
  schema: JsonSchema,
  options: CompileOptions = {},
): ValidateFunction<T> {
  const draft = draftOf(schema);
  if (draft === undefined) throw new Error(unknownDraft(schema));
  const warn = options.onWarning ?? (() => undefined);
  const ajvOptions: Options = {
    allErrors: true,
    verbose: true,
    useDefaults: options.useDefaults ?? false,
    validateSchema: options.trusted !== true,
    strictSchema: 'log',
    strictTypes: false,
    strictTuples: false,
    strictRequired: false,
    allowUnionTypes: true,
    logger: { log: warn, warn, error: warn },
  };
  if (draft === '2020-12') return withFormats(new Ajv2020(ajvOptions)).compile<T>(schema);
  if (draft === '2019-09') return withFormats(new Ajv2019(ajvOptions)).compile<T>(schema);
  // Checked against draft-07's own meta-schema, run by the 2019-09 engine: same keywords, and it knows
  // unevaluatedProperties, by which unknown keys are refused behind allOf and $ref.
  const checker = new Ajv({ logger: false, validateFormats: false });
  if (checker.validateSchema({ ...schema, $schema: 'http://json-schema.org/draft-07/schema#' }) !== true) {
    throw new Error(`schema is invalid: ${checker.errorsText(checker.errors, { dataVar: 'schema' })}`);
  }
  const { $schema: _draft, ...rest } = schema;
  return withFormats(new Ajv2019(ajvOptions)).compile<T>(rest);
}

/** What is wrong with `$schema`. */
export function unknownDraft(schema: JsonSchema): string {
  const known = Object.keys(DRAFTS).map((id) => `https://${id}`);
  return `$schema: expected ${known.join(' or ')}, got ${JSON.stringify(schema['$schema'])}`;
}

/** Adds the formats, and what our own schemas say beside them. */
export function withFormats<A extends Ajv | Ajv2019 | Ajv2020>(ajv: A): A {
  formats.default(ajv);
  // An annotation of ours: what to say was expected, where the keywords alone would not read well.
  ajv.addKeyword({ keyword: 'x-expected', schemaType: 'string', valid: true });
  return ajv;
}
