import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { QueryDatasourceRequest, QueryDatasourceResponse } from '@bulkhead/proto/host';
import { parseJson, type JsonObject, type JsonValue } from '@bulkhead/proto/json';
import { isPlainObject, type DatasourceObject } from '@bulkhead/proto/rules';
import type { ObjectCollection } from '../../objects/objects.js';
import type { HostMethod } from '../../sidecar/host-method.js';
import { readRequest } from '../../sidecar/read-message.js';
import type { Query } from './query.js';
import type { Sources } from './sources.js';

export interface QueryParts {
  readonly sources: Sources;
  readonly datasources: Pick<ObjectCollection<DatasourceObject>, 'get'>;
}

/** `DatasourceService.QueryDatasource`. */
export function createQueryDatasource({ sources, datasources }: QueryParts): HostMethod['handle'] {
  return async (body, { plugin, timeoutMs, signal }) => {
    const { datasourceId, sql, parametersJson, maxRows } = readRequest(QueryDatasourceRequest, body);
    const parameters = readParameters(parametersJson);
    const source = await datasources.get(datasourceId);
    const { columns, rowsJson, truncated, changedRows } = await sources.query(source, {
      sql,
      parameters,
      maxRows,
      timeoutMs,
      signal,
      caller: plugin.name,
    });
    return QueryDatasourceResponse.encode({
      columns: [...columns],
      rowsJson: [...rowsJson],
      truncated,
      changedRows: BigInt(changedRows),
    }).finish();
  };
}

function readParameters(text: string): Query['parameters'] {
  if (text === '') return [];
  let value: JsonValue;
  try {
    value = parseJson(text);
  } catch {
    throw notParameters('text that is no JSON');
  }
  if (isList(value)) return value;
  if (isObject(value)) return value;
  throw notParameters(typeof value);
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function isObject(value: JsonValue): value is JsonObject {
  return isPlainObject(value);
}

function notParameters(got: string): BulkheadError {
  return new BulkheadError(
    ErrorCode.INVALID_ARGUMENT,
    `parameters_json: expected JSON text of a list or an object, got ${got}`,
    { field: 'parameters_json' },
  );
}
