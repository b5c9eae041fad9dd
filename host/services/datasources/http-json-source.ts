import { BulkheadError, ErrorCode, isBulkheadError, type Problem } from '@bulkhead/proto';
import { parseJson, stringifyJson, type JsonObject, type JsonValue } from '@bulkhead/proto/json';
import { isPlainObject, type HttpJsonSourceObject } from '@bulkhead/proto/rules';
import { tellProblems, type SchemaCheck } from '../../schemas/schema-check.js';
import { fetchText } from '../../upstream/http/fetch-text.js';
import { fillUrl } from '../../upstream/http/url-template.js';
import { MAX_RESULT_CHARS, type OpenSource, type Query, type QueryResult } from './query.js';

/** Largest answer of the server, in bytes. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** An HTTP API that answers with JSON, somewhere in which a list of rows stands. */
export function openHttpJsonSource(
  source: HttpJsonSourceObject,
  schemas: Pick<SchemaCheck, 'problemsOfEach'>,
): OpenSource {
  const rowsOf = async (answer: JsonValue): Promise<readonly JsonObject[]> => {
    const found = at(answer, source.rows_pointer);
    if (!Array.isArray(found))
      throw failed(`expected a list at '${source.rows_pointer}' of the answer, got something else`);
    const wrong = found.findIndex((row: unknown) => !isPlainObject(row));
    if (wrong >= 0) throw failed(`expected each row to be an object; row ${wrong} is none`);
    const rows = found as readonly JsonObject[];
    if (source.row_schema === undefined) return rows;
    const problems = await problemsOf(source.row_schema, rows);
    if (problems.length === 0) return rows;
    throw failed(`a row is not as row_schema says: ${tellProblems(problems)}`);
  };

  const problemsOf = async (
    schema: NonNullable<HttpJsonSourceObject['row_schema']>,
    rows: readonly JsonObject[],
  ): Promise<readonly Problem[]> => {
    try {
      return await schemas.problemsOfEach(schema, stringifyJson([...rows]), ErrorCode.QUERY_FAILED);
    } catch (error) {
      if (isBulkheadError(error)) throw error;
      throw failed(`row_schema cannot be used: ${BulkheadError.from(error).message}`);
    }
  };

  return {
    async query({ sql, parameters, maxRows, timeoutMs, signal }: Query): Promise<QueryResult> {
      if (sql.trim() !== '')
        throw new BulkheadError(
          ErrorCode.INVALID_ARGUMENT,
          'sql: expected none: this data source is an HTTP API; its parameters are the places of its URL',
          { field: 'sql' },
        );
      const url = fillUrl(source.url_template, placesFrom(parameters));
      const { status, text } = await fetchText(url, {
        method: source.method,
        headers: { accept: 'application/json', ...source.headers },
        timeoutMs,
        maxBytes: MAX_ANSWER_BYTES,
        signal,
      });
      if (status < 200 || status > 299) throw failed(`${url.host} answered with status ${status}`);
      const rows = await rowsOf(parse(text));
      const rowsJson = rows.slice(0, maxRows).map((row) => stringifyJson(row));
      if (rowsJson.reduce((sum, row) => sum + row.length, 0) > MAX_RESULT_CHARS)
        throw new BulkheadError(
          ErrorCode.QUOTA_EXCEEDED,
          `the rows have more than ${MAX_RESULT_CHARS} characters; ask for fewer`,
        );
      const columns = [...new Set(rows.slice(0, maxRows).flatMap((row) => Object.keys(row)))];
      return { columns, rowsJson, truncated: rows.length > maxRows, changedRows: 0 };
    },
    close: () => Promise.resolve(),
  };
}

function placesFrom(parameters: Query['parameters']): JsonObject {
  if (isPlainObject(parameters)) return parameters as JsonObject;
  if (Array.isArray(parameters) && parameters.length === 0) return {};
  throw new BulkheadError(
    ErrorCode.INVALID_ARGUMENT,
    'parameters: expected an object of the places of the URL, got a list',
    { field: 'parameters' },
  );
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
