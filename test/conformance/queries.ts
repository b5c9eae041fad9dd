import { expect } from 'vitest';
import type { HostServices } from '@bulkhead/sdk';
import { failing, type Steps } from './steps.js';

/** What the data source under test holds. */
export const ROWS = [
  { id: 1, name: 'ann' },
  { id: 2, name: 'bob' },
  { id: 3, name: 'eve' },
] as const;
export const SQL = 'SELECT id, name FROM people ORDER BY id';

/** What every DatasourceService does with a query. The data source is named `people` and gives at most two rows. */
export const QUERY_STEPS: Steps<{ readonly host: HostServices }> = {
  async 'rows come by column, as many as the source gives, and it is said that there are more'({ host }) {
    expect(await host.datasources.query('people', { sql: SQL })).toEqual({
      columns: ['id', 'name'],
      rows: ROWS.slice(0, 2),
      truncated: true,
      changedRows: 0,
    });
  },
  async 'fewer may be asked for, more are not given'({ host }) {
    const one = await host.datasources.query<{ readonly name: string }>('people', { sql: SQL, maxRows: 1 });
    expect(one.rows.map(({ name }) => name)).toEqual(['ann']);
    expect((await host.datasources.query('people', { sql: SQL, maxRows: 3 })).rows).toHaveLength(2);
  },
  async 'parameters are bound'({ host }) {
    const sql = 'SELECT id, name FROM people WHERE name = ?';
    expect((await host.datasources.query('people', { sql, parameters: ['eve'] })).rows).toEqual([ROWS[2]]);
  },
  async 'a source that is not there, or has none of that, is said so'({ host }) {
    await expect(host.datasources.query('none', { sql: SQL })).rejects.toThrow(failing('NOT_FOUND'));
    await expect(host.datasources.query('people', { sql: 'SELECT * FROM nowhere' })).rejects.toThrow(
      failing('QUERY_FAILED'),
    );
  },
};
