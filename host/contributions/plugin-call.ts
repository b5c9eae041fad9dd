import { BulkheadError, ErrorCode, isBulkheadError } from '@bulkhead/proto';
import type { JsonSchemaObject } from '@bulkhead/proto/rules';
import { tellProblems, type SchemaCheck } from '../schemas/schema-check.js';

/**
 * Holds a JSON text against a schema that a plugin declared.
 *
 * @param plugin the entry whose schema it is
 * @throws INVALID_ARGUMENT, or INVALID_ANSWER for what the plugin said
 */
export async function assertSchema(
  schemas: Pick<SchemaCheck, 'problems'>,
  schema: JsonSchemaObject | undefined,
  text: string,
  what: string,
  code: typeof ErrorCode.INVALID_ARGUMENT | typeof ErrorCode.INVALID_ANSWER,
  plugin: string,
): Promise<void> {
  if (schema === undefined) return;
  let problems;
  try {
    problems = await schemas.problems(schema, text, code, plugin);
  } catch (error) {
    if (isBulkheadError(error)) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new BulkheadError(ErrorCode.PLUGIN_ERROR, `the schema of ${what} cannot be used: ${why}`, {
      cause: error,
    });
  }
  if (problems.length > 0) throw new BulkheadError(code, `${what}: ${tellProblems(problems)}`, { problems });
}
