import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  BatchRequest,
  GetManyRequest,
  GetManyResponse,
  IncrementRequest,
  IncrementResponse,
  KvServiceGetRequest,
  KvServiceGetResponse,
  KvServiceListRequest,
  KvServiceListResponse,
  SetRequest,
} from '@bulkhead/proto/host';
import { systemClock } from '../../clock.js';
import { Harness } from '../../sidecar/launch.test-support.js';
import type { Sidecar } from '../../sidecar/sidecar.js';
import { openStore } from '../../store/open-store.js';
import type { Store } from '../../store/store.js';
import { NO_AUDIT } from '../../telemetry/audit.js';
import { createKv } from './kv.js';
import { createKvMethods } from './service.js';

let directory: string;
let store: Store;
let harness: Harness;
let plugin: Sidecar;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bulkhead-kv-'));
  store = await openStore({ path: join(directory, 'kv.db') });
  harness = new Harness();
  const kv = createKv({
    store,
    clock: systemClock,
    log: harness.tape.log,
    audit: NO_AUDIT,
    quota: () => ({ maxBytes: 20_000_000, maxKeys: 2_000 }),
    sweepIntervalMs: 60_000,
  });
  plugin = await harness.start(
    { grantedScopes: ['kv.read', 'kv.readwrite'], maxMessageBytes: 16 * 1024 * 1024 },
    { hostMethods: createKvMethods(kv) },
  );
});
afterEach(async () => {
  await harness.close();
  await store.close();
  await rm(directory, { recursive: true });
});

/** What the plugin gets when it calls the host. */
const ask = async (method: string, request: Uint8Array, carrier = 'link'): Promise<Uint8Array> =>
  plugin.call(
    '/test.Echo/CallHostMethod',
    Buffer.from(
      JSON.stringify({
        path: `/bulkhead.host.v1.KvService/${method}`,
        carrier,
        request: Buffer.from(request).toString('base64'),
      }),
    ),
  );
const set = (key: string, value: Uint8Array): SetRequest => ({ key, value, encoding: 0, ttlMs: 0n });

describe('the key-value service, as a plugin reaches it', () => {
  test.each(['link', 'socket'])('a value of 5 MB comes back over the %s', async (carrier) => {
    const value = Buffer.alloc(5_000_000, 'v');
    await ask('Set', SetRequest.encode(set('k', value)).finish(), 'socket');
    const answer = await ask('Get', KvServiceGetRequest.encode({ key: 'k' }).finish(), carrier);
    const { entry } = KvServiceGetResponse.decode(answer);
    expect(Buffer.compare(entry?.value ?? Buffer.of(), value)).toBe(0);
  });

  test('small calls: set, get, several, increment, list', async () => {
    await ask(
      'Batch',
      BatchRequest.encode({
        writes: [
          { write: { $case: 'set', value: set('a', Buffer.from('1')) } },
          { write: { $case: 'set', value: set('b', Buffer.from('2')) } },
          { write: { $case: 'delete', value: { key: 'a' } } },
        ],
      }).finish(),
    );
    const many = GetManyResponse.decode(
      await ask('GetMany', GetManyRequest.encode({ keys: ['a', 'b'] }).finish()),
    );
    expect(many.entries).toMatchObject([{ key: 'b', expiresAtMs: 0n }]);
    const { value } = IncrementResponse.decode(
      await ask('Increment', IncrementRequest.encode({ key: 'n', by: -2n, ttlMs: 0n }).finish()),
    );
    expect(value).toBe(-2n);
    const { keys } = KvServiceListResponse.decode(
      await ask('List', KvServiceListRequest.encode({ prefix: '', pageSize: 0, pageToken: '' }).finish()),
    );
    expect(keys).toMatchObject([
      { key: 'b', sizeBytes: 1 },
      { key: 'n', sizeBytes: 2 },
    ]);
  });

  test('a conflict and a bad argument keep their codes', async () => {
    await ask('Set', SetRequest.encode(set('k', Buffer.from('text'))).finish());
    const increment = IncrementRequest.encode({ key: 'k', by: 1n, ttlMs: 0n }).finish();
    await expect(ask('Increment', increment)).rejects.toMatchObject({ code: 'CONFLICT' });
    const get = KvServiceGetRequest.encode({ key: '' }).finish();
    await expect(ask('Get', get, 'socket')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', field: 'key' });
  });
});
