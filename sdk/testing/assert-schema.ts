import { BulkheadError, type ErrorCode } from '@bulkhead/proto';
import { stringifyJson } from '@bulkhead/proto/json';
import type { JsonSchemaObject } from '@bulkhead/proto/rules';
import { compileSchema, problemsFromAjv } from '@bulkhead/proto/rules/schema';

/** @throws BulkheadError with `code` when the value does not fit; without a schema everything does */
export function assertSchema(
  what: string,
  schema: JsonSchemaObject | undefined,
  given: unknown,
  code: ErrorCode,
): void {
  if (schema === undefined) return;
  const validate = compileSchema(schema);
  // As the schema sees it: numbers that keep their source text are numbers.
  const value: unknown = JSON.parse(stringifyJson(given));
  if (validate(value)) return;
  const problems = problemsFromAjv(validate.errors ?? [], value, { code });
  const text = problems.map(({ path, message }) => `${path ?? ''} ${message}`.trim()).join('; ');
  throw new BulkheadError(code, `${what}: ${text}`, { problems });
}
