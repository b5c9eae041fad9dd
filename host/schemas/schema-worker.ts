// Runs in a worker thread: a pattern that backtracks, or a schema that asks the same of a value again and again, may take
// for ever, and only ending its thread ends it.
import { parentPort } from 'node:worker_threads';
import type { ErrorCode, Problem } from '@bulkhead/proto';
import {
  compileSchema,
  problemsFromAjv,
  runConfigCheck,
  type ConfigRun,
  type Keys,
} from '@bulkhead/proto/rules/schema';

export type SchemaAsk = ValueAsk | ConfigAsk;

interface ValueAsk {
  readonly kind: 'value';
  /** JSON text of the schema. */
  readonly schema: string;
  /** JSON text of the value. */
  readonly value: string;
  readonly code: ErrorCode;
  /** The value is a list; each of its items is checked, up to the first that is wrong. */
  readonly each: boolean;
}

interface ConfigAsk {
  readonly kind: 'config';
  readonly schema: string;
  readonly config: Record<string, unknown>;
  readonly removed: readonly Keys[];
}

export type SchemaAnswer =
  | { readonly kind: 'value'; readonly problems: readonly Problem[] }
  | { readonly kind: 'config'; readonly run: ConfigRun }
  /** The schema is none, or the value no JSON. */
  | { readonly kind: 'failed'; readonly message: string };

/** What is wrong with a value, at most so many faults; the rest of a thousand says no more. */
const MAX_PROBLEMS = 10;
/** Schemas that are kept compiled; past it all are forgotten. */
const MAX_COMPILED = 500;

const compiled = new Map<string, ReturnType<typeof compileSchema>>();

function compile(schema: string): ReturnType<typeof compileSchema> {
  const known = compiled.get(schema);
  if (known !== undefined) return known;
  const validate = compileSchema(JSON.parse(schema) as Record<string, unknown>);
  if (compiled.size >= MAX_COMPILED) compiled.clear();
  compiled.set(schema, validate);
  return validate;
}

function answer(ask: SchemaAsk): SchemaAnswer {
  try {
    if (ask.kind === 'value') return { kind: 'value', problems: problemsOf(ask) };
    const schema = JSON.parse(ask.schema) as Record<string, unknown>;
    return { kind: 'config', run: runConfigCheck(schema, ask.config, ask.removed) };
  } catch (error) {
    return { kind: 'failed', message: error instanceof Error ? error.message : String(error) };
  }
}

function problemsOf({ schema, value: text, code, each }: ValueAsk): readonly Problem[] {
  const validate = compile(schema);
  const value: unknown = JSON.parse(text);
  const values: readonly unknown[] = each && Array.isArray(value) ? value : [value];
  const wrong = values.findIndex((one) => !validate(one));
  if (wrong < 0) return [];
  const problems = problemsFromAjv(validate.errors ?? [], values[wrong], {
    code,
    prefix: each ? [wrong] : [],
  });
  return problems.slice(0, MAX_PROBLEMS).map(({ code: ofProblem, message, path }) => ({
    code: ofProblem,
    message,
    ...(path === undefined ? {} : { path }),
  }));
}

parentPort?.on('message', (ask: SchemaAsk) => {
  parentPort?.postMessage(answer(ask));
});
// The time that a check takes is counted from here on.
parentPort?.postMessage('ready');
