import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { DatasourceObject } from '@bulkhead/proto/rules';
import type { Clock } from '../../clock.js';
import type { SchemaCheck } from '../../schemas/schema-check.js';
import { openHttpJsonSource } from './http-json-source.js';
import { openPostgresSource } from './postgres-source.js';
import type { OpenSource, Query, QueryResult } from './query.js';
import { openSqliteSource } from './sqlite-source.js';

export interface SourcesOptions {
  readonly clock: Clock;
  /** Folders of the host's own that no data source leads into. Absolute and real. */
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

export function createSources(options: SourcesOptions): Sources {
  /** By object; in the order in which they were asked last. */
  const open = new Map<string, { readonly etag: string; readonly source: OpenSource }>();

  const sourceFor = (object: DatasourceObject): OpenSource => {
    const known = open.get(object.id);
    open.delete(object.id);
    if (known !== undefined && known.etag !== object.etag) void known.source.close();
    const source = known?.etag === object.etag ? known.source : openSource(object, options);
    open.set(object.id, { etag: object.etag, source });
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
    },
  };
}

function openSource(object: DatasourceObject, { clock, closed, schemas }: SourcesOptions): OpenSource {
  const { kind, path, url, http, read_only: readOnly } = object;
  if (kind === 'sqlite' && path !== undefined) return openSqliteSource({ path, readOnly, clock, closed });
  if (kind === 'postgres' && url !== undefined) return openPostgresSource({ url, readOnly, clock });
  if (kind === 'http_json' && http !== undefined) return openHttpJsonSource(http, schemas);
  throw new BulkheadError(
    ErrorCode.QUERY_FAILED,
    `the data source '${object.name}' of kind ${kind} does not say where it is`,
  );
}
