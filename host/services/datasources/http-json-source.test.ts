import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ErrorCode } from '@bulkhead/proto';
import type { HttpJsonSourceObject } from '@bulkhead/proto/rules';
import { systemClock } from '../../clock.js';
import { createHttpClient } from '../../tools/kinds/http-client.js';
import { createSchemaCheck } from '../../schemas/schema-check.js';
import { createFetchPlaces } from './fetch-places.js';
import { openHttpJsonSource } from './http-json-source.js';
import { createProcessPool } from './process/process-pool.js';

let server: Server;
let base: string;
let seen: IncomingMessage[];
let answer: { readonly status?: number; readonly body: string; readonly location?: string };

beforeEach(async () => {
  seen = [];
  server = createServer((request, response) => {
    seen.push(request);
    const { status = 200, body, location } = answer;
    response.writeHead(status, location === undefined ? {} : { location });
    if (body === 'hang') return;
    response.end(body);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await schemas.close();
  await pool.close();
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => {
    server.close(resolve);
  });
});

const schemas = createSchemaCheck({ clock: systemClock });
const pool = createProcessPool({ clock: systemClock });
let allowPrivate = ['127.0.0.0/8'];
const parts = {
  http: createHttpClient({
    allowPrivate: () => allowPrivate,
    setting: 'datasources.allow_private',
    codes: { failed: ErrorCode.QUERY_FAILED, tooLarge: ErrorCode.QUOTA_EXCEEDED },
  }),
  processes: pool.open({ kind: 'json' }),
  places: createFetchPlaces(),
  schemas,
  clock: systemClock,
};

const ask = (change: Partial<HttpJsonSourceObject> = {}, parameters = {}, limits = {}) =>
  openHttpJsonSource(
    {
      method: 'GET',
      url_template: `${base}/orders/{id}?q={q}`,
      headers: { authorization: 'Bearer of-the-source' },
      rows_pointer: '/data/items',
      ...change,
    },
    parts,
  ).query({
    sql: '',
    parameters: { id: 'a/b', q: 'x', ...parameters },
    maxRows: 10,
    timeoutMs: 30_000,
    caller: 'asker',
    signal: new AbortController().signal,
    ...limits,
  });

describe('an HTTP data source', () => {
  test('fills its URL, sends its headers, and takes the rows from where they stand, numbers exact', async () => {
    answer = { body: '{"data":{"items":[{"id":9007199254740993,"p":10.0},{"id":2,"x":null}]}}' };
    expect(await ask()).toEqual({
      columns: ['id', 'p', 'x'],
      rowsJson: ['{"id":9007199254740993,"p":10.0}', '{"id":2,"x":null}'],
      truncated: false,
      changedRows: 0,
    });
    expect(seen[0]?.url).toBe('/orders/a%2Fb?q=x');
    expect(seen[0]?.headers.authorization).toBe('Bearer of-the-source');
  });

  test('ends a row_schema whose pattern would backtrack for ever', async () => {
    answer = { body: JSON.stringify([{ name: `${'a'.repeat(60)}!` }]) };
    const row_schema = { properties: { name: { pattern: '^(a+)+$' } } };
    await expect(ask({ rows_pointer: '', row_schema })).rejects.toMatchObject({ code: 'QUERY_FAILED' });
    answer = { body: '[{"name":"aa"}]' };
    expect(await ask({ rows_pointer: '', row_schema })).toMatchObject({ rowsJson: ['{"name":"aa"}'] });
  });

  test('gives as many rows as were asked for, and says that there were more', async () => {
    answer = { body: '[{"a":1},{"a":2},{"a":3}]' };
    expect(await ask({ rows_pointer: '' }, {}, { maxRows: 2 })).toMatchObject({
      rowsJson: ['{"a":1}', '{"a":2}'],
      truncated: true,
    });
  });

  test.each([
    ['no JSON', { body: '<html>' }, {}],
    ['no list', { body: '{"data":{"items":{}}}' }, {}],
    ['nothing where the rows should be', { body: '{"data":null}' }, {}],
    ['a row that is no object', { body: '{"data":{"items":[1]}}' }, {}],
    ['a status that is no success', { status: 500, body: '{"data":{"items":[]}}' }, {}],
    ['a redirect, which is not followed', { status: 302, body: '', location: 'http://127.0.0.1:1/' }, {}],
    [
      'a row that is not of its schema',
      { body: '{"data":{"items":[{"id":"x"}]}}' },
      { row_schema: { type: 'object', properties: { id: { type: 'integer' } } } },
    ],
    [
      'a row whose schema backtracks',
      { body: `{"data":{"items":[{"id":"${'a'.repeat(40)}!"}]}}` },
      { row_schema: { properties: { id: { pattern: '^(a+)+$' } } } },
    ],
  ])('an answer with %s is QUERY_FAILED', async (_what, given, change) => {
    answer = given;
    await expect(ask(change)).rejects.toMatchObject({ code: 'QUERY_FAILED' });
    expect(seen).toHaveLength(1);
  });

  test('an answer that is too large is QUOTA_EXCEEDED', async () => {
    answer = { body: `{"data":{"items":["${'x'.repeat(5 * 1024 * 1024)}"]}}` };
    await expect(ask()).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
  });

  test('an answer that does not come is DEADLINE_EXCEEDED', async () => {
    answer = { body: 'hang' };
    await expect(ask({}, {}, { timeoutMs: 100 })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });

  test('a server that is not there is QUERY_FAILED', async () => {
    await expect(ask({ url_template: 'http://127.0.0.1:1/' })).rejects.toMatchObject({
      code: 'QUERY_FAILED',
    });
  });

  test('leads nowhere outside the public internet that no operator opened', async () => {
    answer = { body: '[]' };
    for (const template of [
      base,
      base.replace('127.0.0.1', 'localhost'),
      base.replace('127.0.0.1', '[::1]'),
    ]) {
      allowPrivate = [];
      const asked = ask({ rows_pointer: '', url_template: template });
      await expect(asked).rejects.toMatchObject({
        code: 'QUERY_FAILED',
        message: expect.stringContaining('datasources.allow_private'),
      });
    }
    allowPrivate = ['127.0.0.0/8'];
    expect(seen).toEqual([]);
  });

  test('sends no header that frames a request', async () => {
    answer = { body: '[]' };
    await ask({
      rows_pointer: '',
      headers: { Host: 'other.example', 'Transfer-Encoding': 'chunked', 'X-A': '1' },
    });
    expect(seen[0]?.headers).toMatchObject({ host: base.slice('http://'.length), 'x-a': '1' });
    expect(seen[0]?.headers['transfer-encoding']).toBeUndefined();
  });

  test('takes no SQL, and its parameters by name', async () => {
    answer = { body: '[]' };
    await expect(ask({}, {}, { sql: 'SELECT 1' })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(ask({}, {}, { parameters: [1] })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(seen).toEqual([]);
  });
});
