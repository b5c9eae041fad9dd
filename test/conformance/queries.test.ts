import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { BulkheadError } from '@bulkhead/proto';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { QUERY_STEPS, ROWS } from './queries.js';
import { openRealHost } from './real-host.js';
import { hostOfTwins } from './twins.js';

let directory: string;
let path: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bulkhead-queries-'));
  path = join(directory, 'people.db');
  const db = new DatabaseSync(path);
  db.exec('CREATE TABLE people (id INTEGER, name TEXT)');
  for (const { id, name } of ROWS) db.prepare('INSERT INTO people VALUES (?, ?)').run(id, name);
  db.close();
});
afterAll(() => rm(directory, { recursive: true }));

const source = () => ({ id: 'people', name: 'people', kind: 'sqlite', path, max_rows: 2 });

describe('queries', () => {
  it.each(Object.entries(QUERY_STEPS))('in memory: %s', async (_name, step) => {
    const people = ({ sql, parameters }: { readonly sql: string; readonly parameters: unknown }) => {
      if (sql.includes('nowhere')) throw new BulkheadError('QUERY_FAILED', 'no such table: nowhere');
      return sql.includes('WHERE')
        ? ROWS.filter(({ name }) => Array.isArray(parameters) && parameters.includes(name))
        : ROWS;
    };
    const contents = { objects: { datasource: [source()] }, rows: { people } };
    const { host, close } = await hostOfTwins({ services: ['datasources.query'] }, contents);
    await step({ host });
    await close();
  });
  it.each(Object.entries(QUERY_STEPS))('in the host: %s', async (_name, step) => {
    const real = await openRealHost({ sqliteFolders: [directory] });
    await real.services.objects.datasource.create({ kind: 'cli', id: 'test' }, source());
    await step({ host: real.hostOf(['datasources.query']) });
    await real.close();
  });
});
