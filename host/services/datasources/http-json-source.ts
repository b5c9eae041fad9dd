import { BulkheadError, ErrorCode, isBulkheadError, type Problem } from '@bulkhead/proto';
import type { JsonObject } from '@bulkhead/proto/json';
import { isPlainObject, type HttpJsonSourceObject } from '@bulkhead/proto/rules';
import type { Clock } from '../../clock.js';
import type { HttpClient } from '../../tools/kinds/http-client.js';
import { ownHeaders } from '../../tools/kinds/own-headers.js';
import { tellProblems, type SchemaCheck } from '../../schemas/schema-check.js';
import { fillUrl } from '../../upstream/http/url-template.js';
import type { FetchPlaces } from './fetch-places.js';
import type { SourceProcesses } from './process/process-pool.js';
import { cancelled, gone, type OpenSource, type Query, type QueryResult } from './query.js';

/** Largest answer of the server, in bytes. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

export interface HttpJsonParts {
  /** Knows where a source may lead. */
  readonly http: HttpClient;
  /** Finds rows in answers. */
  readonly processes: SourceProcesses;
  readonly schemas: Pick<SchemaCheck, 'problemsOfEach'>;
  readonly places: FetchPlaces;
  readonly clock: Pick<Clock, 'monotonic'>;
}

/**
 * An HTTP API that answers with JSON, somewhere in which a list of rows stands. It is asked as HTTP tools are: in the public
 * internet, and where an operator opened it. What it answered is read in a process.
 */
export function openHttpJsonSource(source: HttpJsonSourceObject, parts: HttpJsonParts): OpenSource {
  const { http, processes, schemas, places, clock } = parts;
  const lane = {};
  const closing = new AbortController();

  const problemsOf = async (
    schema: NonNullable<HttpJsonSourceObject['row_schema']>,
    rowsJson: readonly string[],
  ): Promise<readonly Problem[]> => {
    try {
      return await schemas.problemsOfEach(schema, `[${rowsJson.join(',')}]`, ErrorCode.QUERY_FAILED);
    } catch (error) {
      if (isBulkheadError(error)) throw error;
      throw failed(`row_schema cannot be used: ${BulkheadError.from(error).message}`);
    }
  };

  const fetchAnswer = async (query: Query): Promise<string> => {
    const { parameters, timeoutMs, signal } = query;
    const url = fillUrl(source.url_template, placesFrom(parameters));
    try {
      const { status, text } = await http(
        url,
        { method: source.method, headers: { accept: 'application/json', ...ownHeaders(source.headers) } },
        { timeoutMs, maxBytes: MAX_ANSWER_BYTES, signal: AbortSignal.any([signal, closing.signal]) },
      );
      if (status < 200 || status > 299) throw failed(`${url.host} answered with status ${String(status)}`);
      return text;
    } catch (error) {
      throw closing.signal.aborted ? gone() : error;
    }
  };

  const rowsOf = async (query: Query): Promise<QueryResult> => {
    const until = clock.monotonic() + query.timeoutMs;
    const leave = places.enter(query.caller);
    try {
      const text = await fetchAnswer(query);
      return await processes.ask({
        sql: '',
        pointer: source.rows_pointer,
        text,
        lane,
        maxRows: query.maxRows,
        timeoutMs: Math.max(1, until - clock.monotonic()),
        signal: query.signal,
        caller: query.caller,
      });
    } finally {
      leave();
    }
  };

  return {
    async query(query): Promise<QueryResult> {
      if (query.sql.trim() !== '')
        throw new BulkheadError(
          ErrorCode.INVALID_ARGUMENT,
          'sql: expected none: this data source is an HTTP API; its parameters are the places of its URL',
          { field: 'sql' },
        );
      if (query.signal.aborted) throw cancelled();
      const result = await rowsOf(query);
      if (source.row_schema === undefined) return result;
      const problems = await problemsOf(source.row_schema, result.rowsJson);
      if (problems.length === 0) return result;
      throw failed(`a row is not as row_schema says: ${tellProblems(problems)}`);
    },
    close() {
      closing.abort();
      return Promise.resolve();
    },
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

function failed(message: string): BulkheadError {
  return new BulkheadError(ErrorCode.QUERY_FAILED, message);
}
