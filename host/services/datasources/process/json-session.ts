import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { parseJson, stringifyJson, type JsonObject, type JsonValue } from '@bulkhead/proto/json';
import { isPlainObject } from '@bulkhead/proto/rules';
import type { QueryResult } from '../query.js';
import { RowTexts } from '../row-json.js';
import type { Session } from './session.js';

/** Rows out of the answer of an HTTP API. */
export function openJsonSession(): Session {
  return {
    answer({ pointer, maxRows }, text): QueryResult {
      const found = at(parse(text), pointer);
      if (!Array.isArray(found))
        throw failed(`expected a list at '${pointer}' of the answer, got something else`);
      const wrong = found.findIndex((row: unknown) => !isPlainObject(row));
      if (wrong >= 0) throw failed(`expected each row to be an object; row ${String(wrong)} is none`);
      const rows = (found as readonly JsonObject[]).slice(0, maxRows);
      const texts = new RowTexts();
      for (const row of rows) texts.add(stringifyJson(row));
      return {
        columns: [...new Set(rows.flatMap((row) => Object.keys(row)))],
        rowsJson: texts.rows,
        truncated: found.length > maxRows,
        changedRows: 0,
      };
    },
  };
}

function parse(text: string): JsonValue {
  try {
    return parseJson(text);
  } catch (error) {
    throw failed(`expected JSON, got something else (${BulkheadError.from(error).message})`);
  }
}

/** The value at a JSON Pointer (RFC 6901); the empty pointer is the whole. */
function at(value: JsonValue, pointer: string): unknown {
  let found: unknown = value;
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (Array.isArray(found)) found = /^\d+$/.test(key) ? found[Number(key)] : undefined;
    else found = isPlainObject(found) && Object.hasOwn(found, key) ? found[key] : undefined;
  }
  return found;
}

function failed(message: string): BulkheadError {
  return new BulkheadError(ErrorCode.QUERY_FAILED, message);
}
