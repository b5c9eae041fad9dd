import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { DatasourceObject } from '@bulkhead/proto/rules';
import type { Clock } from '../../clock.js';
import type { DatasourcesConfig } from '../../config/datasources-section.js';
import { createHttpClient } from '../../tools/kinds/http-client.js';
import type { SchemaCheck } from '../../schemas/schema-check.js';
import { createFetchPlaces } from './fetch-places.js';
import { openHttpJsonSource, type HttpJsonParts } from './http-json-source.js';
import type { SqliteFolders } from './process/sqlite-file.js';
import { createProcessPool, type ProcessPool } from './process/process-pool.js';
import type { OpenSource, Query, QueryResult } from './query.js';
import { openSqlSource } from './sql-source.js';

export interface SourcesOptions {
  readonly clock: Clock;
  /** Where sources may lead; of the configuration that is in force. */
  readonly rules: () => DatasourcesConfig;
  /** Folders of the host's own that no data source leads into. */
  readonly closed: readonly string[];
  readonly schemas: Pick<SchemaCheck, 'problemsOfEach'>;
}

/** What a question may say; the source's own limits hold above it. */
export interface Asked extends Omit<Query, 'maxRows' | 'timeoutMs'> {
  /** 0 takes what the source allows. */
  readonly maxRows: number;
  readonly timeoutMs: number;
}

/** The data sources that were asked lately, open. */
export interface Sources {
  /** @throws as OpenSource.query, QUERY_FAILED for a source that is not active */
  query(source: DatasourceObject, asked: Asked): Promise<QueryResult>;
  close(): Promise<void>;
}

/** Sources that stay open; the one that was asked longest ago is closed first. */
const MAX_OPEN = 32;

export function createSources({ clock, rules, closed, schemas }: SourcesOptions): Sources {
  const pool = createProcessPool({ clock });
  const parts: HttpJsonParts = {
    http: createHttpClient({
      allowPrivate: () => rules().allowPrivate,
      setting: 'datasources.allow_private',
      codes: { failed: ErrorCode.QUERY_FAILED, tooLarge: ErrorCode.QUOTA_EXCEEDED },
    }),
    processes: pool.open({ kind: 'json' }),
    places: createFetchPlaces(),
    schemas,
    clock,
  };
  /** By object; in the order in which they were asked last. */
  const open = new Map<string, { readonly version: string; readonly source: OpenSource }>();

  const sourceFor = (object: DatasourceObject): OpenSource => {
    const { ownFolder: own, sqliteFolders: listed } = rules();
    const folders = { own, listed, closed };
    const version = JSON.stringify([object.etag, folders]);
    const known = open.get(object.id);
    open.delete(object.id);
    if (known !== undefined && known.version !== version) void known.source.close();
    const source = known?.version === version ? known.source : openSource(object, folders, pool, parts);
    open.set(object.id, { version, source });
    const [oldest] = open;
    if (open.size > MAX_OPEN && oldest !== undefined) {
      open.delete(oldest[0]);
      void oldest[1].source.close();
    }
    return source;
  };

  return {
    async query(object, { maxRows, timeoutMs, ...asked }) {
      if (!object.active)
        throw new BulkheadError(ErrorCode.QUERY_FAILED, `the data source '${object.name}' is not active`);
      return sourceFor(object).query({
        ...asked,
        maxRows: maxRows === 0 ? object.max_rows : Math.min(maxRows, object.max_rows),
        timeoutMs: Math.min(timeoutMs, object.timeout_ms),
      });
    },
    async close() {
      const all = [...open.values()];
      open.clear();
      await Promise.all(all.map(({ source }) => source.close()));
      await pool.close();
    },
  };
}

function openSource(
  object: DatasourceObject,
  folders: SqliteFolders,
  pool: ProcessPool,
  parts: HttpJsonParts,
): OpenSource {
  const { kind, path, url, http, read_only: readOnly } = object;
  if (kind === 'sqlite' && path !== undefined) return openSqlSource({ kind, path, readOnly, folders }, pool);
  if (kind === 'postgres' && url !== undefined) return openSqlSource({ kind, url, readOnly }, pool);
  if (kind === 'http_json' && http !== undefined) return openHttpJsonSource(http, parts);
  throw new BulkheadError(
    ErrorCode.QUERY_FAILED,
    `the data source '${object.name}' of kind ${kind} does not say where it is`,
  );
}
