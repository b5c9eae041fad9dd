import type { ErrorObject, ValidateFunction } from 'ajv';
import { ErrorCode } from '../../errors.js';
import { problemsFromAjv } from './ajv-problems.js';
import { closeObjects, isSchema } from './closed-schema.js';
import { compileSchema } from './compile.js';
import { problemAt, type JsonSchema, type Keys, type SchemaNotice, type SchemaProblem } from './problem.js';
import { TookTooLong, withinTime } from './within-time.js';

/** Longest configuration schema that is taken, in characters of JSON. */
export const MAX_SCHEMA_CHARS = 512 * 1024;

/** Longest check of one configuration, in milliseconds; a plugin writes the schema, and the host waits. */
const CHECK_TIMEOUT_MS = 2_000;

export type CheckedConfig =
  | { readonly ok: true; readonly config: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly problems: readonly SchemaProblem[] };

export interface CheckConfigOptions {
  /** Put before each place in a problem, for example `['plugins', 'pii_filter', 'config']`. */
  readonly prefix?: Keys;
  /** Places whose default somebody removed: it is not filled in again. */
  readonly removed?: readonly Keys[];
  /** Says what came; for values that must not be shown. Default: the value, shortened. */
  readonly describeValue?: (keys: Keys, value: unknown) => string;
}

interface Compiled {
  readonly validate: ValidateFunction;
  readonly fill: ValidateFunction;
}

const compiled = new WeakMap<JsonSchema, Compiled>();
/** Schemas that took too long once; they are not tried again. */
const slow = new WeakSet<JsonSchema>();

function compile(schema: JsonSchema): Compiled {
  const known = compiled.get(schema);
  if (known !== undefined) return known;
  const closed = closeObjects(schema);
  const made = { validate: compileSchema(closed), fill: compileSchema(closed, { useDefaults: true }) };
  compiled.set(schema, made);
  return made;
}

/** Whether a configuration schema can be used at all, and which of its keywords have no effect. */
export function checkConfigSchema(
  schema: unknown,
  prefix: Keys = [],
): { readonly problems: readonly SchemaProblem[]; readonly notices: readonly SchemaNotice[] } {
  const wrong = (message: string) => ({
    problems: [problemAt(ErrorCode.MANIFEST_INVALID, prefix, message)],
    notices: [],
  });
  if (!isSchema(schema)) return wrong('expected a JSON Schema, that is a map.');
  const size = JSON.stringify(schema).length;
  if (size > MAX_SCHEMA_CHARS)
    return wrong(`expected a schema of at most ${MAX_SCHEMA_CHARS} characters, got ${size}.`);
  const type = schema['type'];
  if (type !== undefined && type !== 'object')
    return wrong(`expected a schema of 'type: object', got ${JSON.stringify(type)}.`);
  const warnings = new Set<string>();
  try {
    compileSchema(closeObjects(schema), {
      onWarning: (line) => warnings.add(line.replace(/^strict mode: /, '')),
    });
  } catch (error) {
    return wrong(`the schema cannot be used: ${error instanceof Error ? error.message : String(error)}.`);
  }
  const notices = [...warnings].map((line) => ({
    code: 'UNKNOWN_SCHEMA_KEYWORD',
    message: `config_schema: ${line}`,
    keys: prefix,
  }));
  return { problems: [], notices };
}

/** What a check of a configuration came to, as it may cross to another thread. */
export type ConfigRun = {
  /** What the schema's defaults alone say. */
  readonly defaults: Readonly<Record<string, unknown>>;
  /** With the defaults filled in. */
  readonly config: Readonly<Record<string, unknown>>;
  /** What ajv found; empty when nothing is wrong. */
  readonly errors: readonly ErrorObject[];
};

/** Faults that are told of one configuration, at most. */
const MAX_ERRORS = 200;

/**
 * Checks a configuration and fills in the defaults, for as long as that takes; `config` is changed.
 *
 * @param removed places whose default somebody removed
 * @throws Error when the schema cannot be used; see {@link checkConfigSchema}
 */
export function runConfigCheck(
  schema: JsonSchema,
  config: Record<string, unknown>,
  removed: readonly Keys[] = [],
): ConfigRun {
  const { validate, fill } = compile(schema);
  const defaults: Record<string, unknown> = {};
  fill(defaults);
  mergeUnder(config, defaults);
  fill(config);
  for (const keys of removed) remove(config, keys);
  const errors = validate(config) ? [] : (validate.errors ?? []).slice(0, MAX_ERRORS);
  return { defaults, config, errors };
}

/** What a run says, for people. */
export function checkedConfig({ config, errors }: ConfigRun, options: CheckConfigOptions): CheckedConfig {
  if (errors.length === 0) return { ok: true, config };
  const { prefix = [], describeValue } = options;
  const problems = problemsFromAjv(errors, config, {
    code: ErrorCode.CONFIG_INVALID,
    prefix,
    ...(describeValue === undefined ? {} : { describeValue }),
  });
  return { ok: false, problems };
}

/** The problem with a schema that cannot be used, or with which a check takes too long. */
export function unusableSchema(error: unknown, prefix: Keys): SchemaProblem {
  const why = error instanceof Error ? error.message : String(error);
  return problemAt(
    ErrorCode.MANIFEST_INVALID,
    prefix,
    `the plugin's config_schema cannot be used: ${why.replace(/\.$/, '')}.`,
  );
}

/**
 * Checks a plugin's configuration against its schema and fills in the defaults. The one check that the host and the
 * SDK's test harness share. Unknown keys are refused unless the schema says otherwise. `config` is not changed.
 */
export function checkConfig(
  schema: JsonSchema | undefined,
  config: unknown,
  options: CheckConfigOptions = {},
): CheckedConfig {
  const prefix = options.prefix ?? [];
  const told = schema ?? ANY_MAP;
  const bad = checkUsable(told, prefix);
  if (bad !== undefined) return { ok: false, problems: [bad] };
  const copied = copyConfig(config, prefix);
  if (!copied.ok) return copied;
  try {
    return checkedConfig(
      inTime(told, () => runConfigCheck(told, copied.config, options.removed)),
      options,
    );
  } catch (error) {
    if (error instanceof TookTooLong) return { ok: false, problems: [unusableSchema(error, prefix)] };
    throw error;
  }
}

/** What a plugin without a schema takes. */
export const ANY_MAP: JsonSchema = { type: 'object' };

/** @throws TookTooLong */
function inTime<T>(schema: JsonSchema, check: () => T): T {
  const tooLong = `took longer than ${CHECK_TIMEOUT_MS} ms; look for a pattern that backtracks`;
  if (slow.has(schema)) throw new TookTooLong(tooLong);
  try {
    return withinTime(CHECK_TIMEOUT_MS, check);
  } catch (error) {
    if (!(error instanceof TookTooLong)) throw error;
    slow.add(schema);
    throw new TookTooLong(tooLong, { cause: error });
  }
}

function checkUsable(schema: JsonSchema, prefix: Keys): SchemaProblem | undefined {
  try {
    compile(schema);
    return undefined;
  } catch (error) {
    return unusableSchema(error, prefix);
  }
}

/** A copy that may be changed, unless it is no map or holds what cannot be copied. */
export function copyConfig(
  config: unknown,
  prefix: Keys,
):
  | { readonly ok: true; readonly config: Record<string, unknown> }
  | { readonly ok: false; readonly problems: readonly SchemaProblem[] } {
  const given = config ?? {};
  try {
    if (isSchema(given)) return { ok: true, config: structuredClone(given) as Record<string, unknown> };
  } catch {
    // Told below.
  }
  return {
    ok: false,
    problems: [problemAt(ErrorCode.CONFIG_INVALID, prefix, 'expected a map of JSON values.')],
  };
}

/** Puts what is missing into `target`, map by map. */
function mergeUnder(target: Record<string, unknown>, under: JsonSchema): void {
  for (const [key, value] of Object.entries(under)) {
    const own = Object.hasOwn(target, key) ? target[key] : undefined;
    if (own === undefined) target[key] = structuredClone(value);
    else if (isSchema(own) && isSchema(value)) mergeUnder(own as Record<string, unknown>, value);
  }
}

function remove(target: Record<string, unknown>, keys: Keys): void {
  let at: unknown = target;
  for (const key of keys.slice(0, -1))
    at = isSchema(at) && Object.hasOwn(at, key) ? at[String(key)] : undefined;
  const last = keys.at(-1);
  if (isSchema(at) && last !== undefined) delete (at as Record<string, unknown>)[String(last)];
}
