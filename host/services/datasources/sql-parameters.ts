import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { isRawNumber, stringifyJson, type JsonValue } from '@bulkhead/proto/json';
import type { Query } from './query.js';

/** All parameters of one query together, as JSON text. */
const MAX_PARAMETERS_CHARS = 1024 * 1024;

/**
 * Parameters of SQL as the text of a JSON list.
 *
 * @param structured whether lists and objects may be bound, as JSON
 * @throws INVALID_ARGUMENT
 */
export function sqlParameters(parameters: Query['parameters'], structured: boolean): string {
  if (!isList(parameters)) throw invalid('a list, got an object');
  const wrong = parameters.findIndex(
    (value) => typeof value === 'object' && value !== null && !isRawNumber(value),
  );
  if (wrong >= 0 && !structured)
    throw invalid(
      `a text, number, true, false or null at position ${String(wrong)}, got a list or an object`,
    );
  const text = stringifyJson([...parameters]);
  if (text.length > MAX_PARAMETERS_CHARS)
    throw invalid(`at most ${String(MAX_PARAMETERS_CHARS)} characters of JSON, got ${String(text.length)}`);
  return text;
}

function isList(value: Query['parameters']): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function invalid(expected: string): BulkheadError {
  return new BulkheadError(ErrorCode.INVALID_ARGUMENT, `parameters: expected ${expected}`, {
    field: 'parameters',
  });
}
