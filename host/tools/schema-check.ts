import { ErrorCode, type Problem } from '@bulkhead/proto';
import type { JsonSchemaObject } from '@bulkhead/proto/rules';
import { compileSchema, problemsFromAjv } from '@bulkhead/proto/rules/schema';

/** What is wrong with a value, at most so many faults; the rest of a thousand says no more. */
const MAX_PROBLEMS = 10;

type Validate = ReturnType<typeof compileSchema>;

// A schema is compiled once; it goes with the manifest, or the object, that it came with.
const compiled = new WeakMap<JsonSchemaObject, Validate>();

/**
 * Checks a JSON text against a schema. Numbers are judged as doubles; what is handed on is the text as it was.
 *
 * @returns what is wrong; empty when nothing is
 * @throws Error when the schema itself is none
 */
export function schemaProblems(schema: JsonSchemaObject, text: string, code: ErrorCode): readonly Problem[] {
  let validate = compiled.get(schema);
  if (validate === undefined) compiled.set(schema, (validate = compileSchema(schema)));
  const value: unknown = JSON.parse(text);
  if (validate(value)) return [];
  return problemsFromAjv(validate.errors ?? [], value, { code })
    .slice(0, MAX_PROBLEMS)
    .map(({ code: ofProblem, message, path }) => ({
      code: ofProblem,
      message,
      ...(path === undefined ? {} : { path }),
    }));
}

/** The faults in one line. */
export function tellProblems(problems: readonly Problem[]): string {
  return problems
    .map(({ path, message }) => (path === undefined ? message : `${path}: ${message}`))
    .join(' ');
}
