import type { PostgresSettings, SqliteSettings } from './process/messages.js';
import type { ProcessPool } from './process/process-pool.js';
import type { OpenSource } from './query.js';
import { sqlParameters } from './sql-parameters.js';
import { assertQuery } from './sql-statement.js';

/**
 * A SQLite file or a PostgreSQL database, asked in processes that are ended with a query whose time is over. Read-only unless
 * the source says otherwise: the file is opened so, each transaction begun so.
 */
export function openSqlSource(
  settings: SqliteSettings | PostgresSettings,
  pool: Pick<ProcessPool, 'open'>,
): OpenSource {
  const processes = pool.open(settings);
  return {
    async query({ parameters, ...query }) {
      assertQuery(query.sql, settings.readOnly);
      const text = sqlParameters(parameters, settings.kind === 'postgres');
      return processes.ask({ ...query, text });
    },
    close: () => processes.close(),
  };
}
