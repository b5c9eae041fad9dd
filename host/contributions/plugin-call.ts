import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { JsonSchemaObject } from '@bulkhead/proto/rules';
import { schemaProblems, tellProblems } from '../tools/schema-check.js';

/**
 * Holds a JSON text against a schema that a plugin declared.
 *
 * @throws INVALID_ARGUMENT, or INVALID_ANSWER for what the plugin said
 */
export function assertSchema(
  schema: JsonSchemaObject | undefined,
  text: string,
  what: string,
  code: typeof ErrorCode.INVALID_ARGUMENT | typeof ErrorCode.INVALID_ANSWER,
): void {
  if (schema === undefined) return;
  let problems;
  try {
    problems = schemaProblems(schema, text, code);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new BulkheadError(ErrorCode.PLUGIN_ERROR, `the schema of ${what} is not valid: ${why}`, {
      cause: error,
    });
  }
  if (problems.length > 0) throw new BulkheadError(code, `${what}: ${tellProblems(problems)}`, { problems });
}
