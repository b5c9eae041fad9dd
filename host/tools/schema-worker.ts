// Runs in a worker thread: a pattern that backtracks, or a schema that asks the same of a value again and again, may take
// for ever, and only ending its thread ends it.
import { parentPort } from 'node:worker_threads';
import type { ErrorCode, Problem } from '@bulkhead/proto';
import { compileSchema, problemsFromAjv } from '@bulkhead/proto/rules/schema';

export interface SchemaAsk {
  /** JSON text of the schema. */
  readonly schema: string;
  /** JSON text of the value. */
  readonly value: string;
  readonly code: ErrorCode;
  /** The value is a list; each of its items is checked, up to the first that is wrong. */
  readonly each: boolean;
}

export type SchemaAnswer =
  | { readonly ok: true; readonly problems: readonly Problem[] }
  /** The schema is none, or the value no JSON. */
  | { readonly ok: false; readonly message: string };

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

function answer({ schema, value: text, code, each }: SchemaAsk): SchemaAnswer {
  try {
    const validate = compile(schema);
    const value: unknown = JSON.parse(text);
    const values: readonly unknown[] = each && Array.isArray(value) ? value : [value];
    const wrong = values.findIndex((one) => !validate(one));
    if (wrong < 0) return { ok: true, problems: [] };
    const problems = problemsFromAjv(validate.errors ?? [], values[wrong], {
      code,
      prefix: each ? [wrong] : [],
    });
    return {
      ok: true,
      problems: problems.slice(0, MAX_PROBLEMS).map(({ code: ofProblem, message, path }) => ({
        code: ofProblem,
        message,
        ...(path === undefined ? {} : { path }),
      })),
    };
  } catch (error) {
    return { ok: false, message: error instanceof Error ? error.message : String(error) };
  }
}

parentPort?.on('message', (ask: SchemaAsk) => {
  parentPort?.postMessage(answer(ask));
});
// The time that a check takes is counted from here on.
parentPort?.postMessage('ready');
