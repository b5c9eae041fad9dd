import type { ErrorObject } from 'ajv';
import { ErrorCode } from '../../errors.js';
import { describe } from '../payload.js';
import { isSchema } from './closed-schema.js';
import { didYouMean } from './nearest.js';
import { problemAt, type JsonSchema, type Keys, type SchemaProblem } from './problem.js';

export interface ProblemOptions {
  /** The code of a problem that has no better one. */
  readonly code: ErrorCode;
  /** The code of a missing key. Default: `code`. */
  readonly missingCode?: ErrorCode;
  /** Put before each place. */
  readonly prefix?: Keys;
  /** Says what came; for values that must not be shown. Default: the value, shortened. */
  readonly describeValue?: (keys: Keys, value: unknown) => string;
}

const LISTED_KEYS = 15;

/** What ajv found, one problem a fault: what was expected, what came. Expects `allErrors` and `verbose`. */
export function problemsFromAjv(
  errors: readonly ErrorObject[],
  root: unknown,
  options: ProblemOptions,
): readonly SchemaProblem[] {
  const problems = new Map<string, SchemaProblem>();
  for (const error of relevant(errors)) {
    const problem = toProblem(error, root, options);
    problems.set(`${problem.path ?? ''}\0${problem.message}`, problem);
  }
  return [...problems.values()];
}

/** Of a failed choice (anyOf, oneOf) either the faults of the one branch that was meant, or one line for all. */
function relevant(errors: readonly ErrorObject[]): readonly ErrorObject[] {
  // What is wrong with a name is told by `propertyNames` itself.
  let kept = errors.filter((error) => error.propertyName === undefined || error.keyword === 'propertyNames');
  const choices = errors.filter((error) => error.keyword === 'anyOf' || error.keyword === 'oneOf');
  // Outer choices come last; settle the inner ones first.
  for (const choice of choices) {
    if (!kept.includes(choice)) continue;
    const prefix = `${choice.schemaPath}/`;
    const own = kept.filter((error) => error.schemaPath.startsWith(prefix));
    if (own.length === 0) continue;
    const branches = Map.groupBy(own, (error) => error.schemaPath.slice(prefix.length).split('/')[0] ?? '');
    const meant = [...branches.values()].filter(
      (branch) => !branch.some((error) => notThisKind(error, choice)),
    );
    const told = meant.length === 1 ? meant[0] : undefined;
    const dropped = new Set(
      told === undefined ? own : [choice, ...own.filter((error) => !told.includes(error))],
    );
    kept = kept.filter((error) => !dropped.has(error));
  }
  const wrappers = new Set(['if', 'not', 'contains', 'propertyNames']);
  const real = kept.filter((error) => error.keyword !== 'if' || kept.length === 1);
  // A failed branch leaves its properties unevaluated: that is the same fault told twice.
  const broken = new Set(
    real.filter((error) => wrappers.has(error.keyword) || isChoice(error)).map((e) => e.instancePath),
  );
  return real.filter((error) => error.keyword !== 'unevaluatedProperties' || !broken.has(error.instancePath));
}

const isChoice = (error: ErrorObject): boolean => error.keyword === 'anyOf' || error.keyword === 'oneOf';

/** The branch is for another kind of value altogether. */
function notThisKind(error: ErrorObject, choice: ErrorObject): boolean {
  return (
    error.instancePath === choice.instancePath &&
    ['type', 'const', 'enum', 'maxProperties'].includes(error.keyword)
  );
}

function toProblem(error: ErrorObject, root: unknown, options: ProblemOptions): SchemaProblem {
  const here = [...(options.prefix ?? []), ...keysOf(error.instancePath, root)];
  const params: Readonly<Record<string, unknown>> = error.params;
  const got = (): string => options.describeValue?.(here, error.data) ?? describe(error.data);
  const expected = (what: string): SchemaProblem =>
    problemAt(options.code, here, `expected ${what}, got ${got()}.`);
  const told = isSchema(error.parentSchema) ? error.parentSchema['x-expected'] : undefined;

  switch (error.keyword) {
    case 'additionalProperties':
    case 'unevaluatedProperties': {
      const key = String(params['additionalProperty'] ?? params['unevaluatedProperty']);
      return problemAt(options.code, [...here, key], unknownKey(key, error.parentSchema));
    }
    case 'required':
    case 'dependentRequired':
    case 'dependencies': {
      const key = String(params['missingProperty']);
      const why = error.keyword === 'required' ? '' : ` when '${String(params['property'])}' is given`;
      return problemAt(
        options.missingCode ?? options.code,
        [...here, key],
        `expected the key '${key}'${why}, and it is missing.`,
      );
    }
    case 'propertyNames':
      return problemAt(
        options.code,
        [...here, String(params['propertyName'])],
        `the name '${String(params['propertyName'])}' is not allowed here.`,
      );
    case 'enum': {
      const allowed = (params['allowedValues'] as readonly unknown[]).map(String);
      const hint = typeof error.data === 'string' ? didYouMean(error.data, allowed) : '';
      return problemAt(options.code, here, `expected one of ${allowed.join(', ')}, got ${got()}.${hint}`);
    }
  }
  if (typeof told === 'string') return expected(told);
  switch (error.keyword) {
    case 'type':
      return expected(typeNames(params['type']));
    case 'const':
      return expected(JSON.stringify(params['allowedValue']));
    case 'pattern':
      return expected(`text that matches ${String(params['pattern'])}`);
    case 'format':
      return expected(`text in the format '${String(params['format'])}'`);
    case 'minimum':
    case 'maximum':
    case 'exclusiveMinimum':
    case 'exclusiveMaximum':
      return expected(`a number ${String(params['comparison'])} ${String(params['limit'])}`);
    case 'multipleOf':
      return expected(`a multiple of ${String(params['multipleOf'])}`);
    case 'minLength':
      return expected(`at least ${String(params['limit'])} characters`);
    case 'maxLength':
      return expected(`at most ${String(params['limit'])} characters`);
    case 'minItems':
      return expected(`at least ${String(params['limit'])} items`);
    case 'maxItems':
      return expected(`at most ${String(params['limit'])} items`);
    case 'uniqueItems':
      return problemAt(
        options.code,
        here,
        `expected no item twice; items ${String(params['j'])} and ${String(params['i'])} are equal.`,
      );
    case 'minProperties':
      return expected(`at least ${String(params['limit'])} keys`);
    case 'maxProperties':
      return expected(`at most ${String(params['limit'])} keys`);
    case 'false schema':
      return problemAt(options.code, here, 'nothing is allowed here.');
    case 'anyOf':
    case 'oneOf':
      return expected('a value that fits exactly what one of the forms in the schema says');
    default:
      return problemAt(
        options.code,
        here,
        `${error.message ?? `does not satisfy '${error.keyword}'`}; got ${got()}.`,
      );
  }
}

function unknownKey(key: string, schema: unknown): string {
  const known = knownKeys(schema);
  const hint = didYouMean(key, known);
  if (hint !== '') return `unknown key '${key}'.${hint}`;
  if (known.length === 0) return `unknown key '${key}'; no key is allowed here.`;
  const listed = known.slice(0, LISTED_KEYS).join(', ');
  return `unknown key '${key}'; expected one of ${listed}${known.length > LISTED_KEYS ? ', …' : ''}.`;
}

function knownKeys(schema: unknown): readonly string[] {
  if (!isSchema(schema)) return [];
  const keys = new Set(isSchema(schema['properties']) ? Object.keys(schema['properties']) : []);
  for (const combiner of ['allOf', 'anyOf', 'oneOf']) {
    const parts = schema[combiner];
    if (Array.isArray(parts)) for (const part of parts) for (const key of knownKeys(part)) keys.add(key);
  }
  return [...keys];
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  object: 'a map',
  array: 'a list',
  null: 'null',
};

function typeNames(type: unknown): string {
  const types = Array.isArray(type) ? (type as readonly unknown[]) : String(type).split(',');
  return types.map((name) => TYPE_NAMES[String(name)] ?? String(name)).join(' or ');
}

/** A JSON pointer as keys; a step into a list is a number. */
function keysOf(pointer: string, root: unknown): Keys {
  if (pointer === '') return [];
  const keys: (string | number)[] = [];
  let at: unknown = root;
  for (const step of pointer.slice(1).split('/')) {
    const key = step.replaceAll('~1', '/').replaceAll('~0', '~');
    if (Array.isArray(at)) {
      keys.push(Number(key));
      at = at[Number(key)];
    } else {
      keys.push(key);
      at = isSchema(at) ? (at as JsonSchema)[key] : undefined;
    }
  }
  return keys;
}
