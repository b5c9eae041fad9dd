import { DatasourceServiceClientImpl } from '@bulkhead/proto/host';
import { parseJson, stringifyJson, type JsonObject } from '@bulkhead/proto/json';
import {
  createObjectReader,
  createObjectWriter,
  type ObjectReader,
  type ObjectWriter,
} from './object-client.js';
import type { HostRpc } from './transport.js';

export interface DatasourceQuery {
  /** SQL with places for bound parameters: `?` in SQLite, `$1` in PostgreSQL. Absent for http_json. */
  readonly sql?: string;
  /** A list for SQL, an object for the places of an http_json source. */
  readonly parameters?: readonly unknown[] | Readonly<Record<string, unknown>>;
  /** At most what the source allows. Default: that. */
  readonly maxRows?: number;
  /** Default: what is left of the handler's deadline, else 10 s. The source has a limit of its own. */
  readonly timeoutMs?: number;
}

export interface QueryResult<Row> {
  readonly columns: readonly string[];
  /** By column. Bytes are base64, numbers that a double cannot hold are texts. */
  readonly rows: readonly Row[];
  /** There were more rows than were asked for. */
  readonly truncated: boolean;
  /** Rows that a statement changed, where the source may be written. */
  readonly changedRows: number;
}

/** The host's data sources. Scopes datasources.read, datasources.query and datasources.write. */
export interface Datasources extends ObjectReader<'datasource'>, ObjectWriter<'datasource'> {
  /** @throws BulkheadError NOT_FOUND, QUERY_FAILED, DEADLINE_EXCEEDED, as a rejection */
  query<Row = JsonObject>(id: string, query: DatasourceQuery): Promise<QueryResult<Row>>;
}

export function createDatasources(rpc: HostRpc): Datasources {
  const client = new DatasourceServiceClientImpl(rpc);
  return {
    ...createObjectReader('datasource', {
      async list(options) {
        const { datasources, nextPageToken } = await client.ListDatasources({ options });
        return { items: datasources, nextPageToken };
      },
      get: async (id) => (await client.GetDatasource({ id })).datasource,
    }),
    ...createObjectWriter('datasource', {
      create: async (datasource, options) =>
        (await client.CreateDatasource({ datasource, options })).datasource,
      update: async (datasource, options) =>
        (await client.UpdateDatasource({ datasource, options })).datasource,
      delete: (id, options) => client.DeleteDatasource({ id, options }),
    }),
    async query<Row>(id: string, { sql, parameters, maxRows, timeoutMs }: DatasourceQuery) {
      const answer = await client.QueryDatasource(
        {
          datasourceId: id,
          sql: sql ?? '',
          parametersJson: parameters === undefined ? '' : stringifyJson(parameters),
          maxRows: maxRows ?? 0,
        },
        timeoutMs === undefined ? {} : { timeoutMs },
      );
      return {
        columns: answer.columns,
        // The query that the author wrote says what a row is.
        rows: answer.rowsJson.map((row) => parseJson(row) as Row),
        truncated: answer.truncated,
        changedRows: Number(answer.changedRows),
      };
    },
  };
}
