import { beforeEach, describe, expect, it } from 'vitest';
import { testPlugin, type TestPlugin, type TestPluginOptions } from '@bulkhead/sdk/testing';
import type { DatasourceObject, JsonObject } from '@bulkhead/sdk';
import plugin from './index.js';

const manifest = new URL('plugin.yaml', import.meta.url);
const ASKED: Partial<DatasourceObject> = {
  name: 'orders',
  kind: 'postgres',
  url: 'postgres://u:p@db/orders',
};

const start = (options: Partial<TestPluginOptions> = {}): Promise<TestPlugin> =>
  testPlugin(plugin, { manifest, ...options });

let t: TestPlugin;
beforeEach(async () => {
  t = await start();
});

/** Somebody asks for a data source; the request's id. */
async function ask(by: TestPlugin = t, object: Partial<DatasourceObject> = ASKED): Promise<string> {
  const { allowed, violation } = await by.objectHook('datasource', 'before_create', object, {
    userId: 'ann',
  });
  expect(allowed).toBe(false);
  return String(violation?.details?.['id']);
}

/** The list that an RPC method answers with under a name. */
async function listed(
  by: TestPlugin,
  method: string,
  input: JsonObject,
  name: string,
): Promise<readonly JsonObject[]> {
  const answer: unknown = await by.rpc(method, input);
  const list: unknown = Object.entries(Object(answer)).find(([key]) => key === name)?.[1];
  if (!Array.isArray(list)) throw new Error(`expected a list under '${name}'`);
  return list;
}

const waiting = (by: TestPlugin = t) => listed(by, 'list', {}, 'requests');
const history = (by: TestPlugin = t) => listed(by, 'history', {}, 'entries');

describe('a new data source', () => {
  it('is parked, and whoever asked is told where', async () => {
    const { violation } = await t.objectHook('datasource', 'before_create', ASKED, { userId: 'ann' });
    expect(violation).toMatchObject({
      code: 'APPROVAL_REQUIRED',
      reason: expect.stringMatching(
        /'orders' waits for approval as request [0-9a-f]{16}: .*approve and reject/,
      ) as unknown,
      http_status_code: 409,
    });
    expect(await waiting()).toMatchObject([
      { datasource: { name: 'orders', url: '[redacted]' }, requested_by: 'ann' },
    ]);
    expect(t.host.objects.datasource.all()).toEqual([]);
  });

  it('that is asked for twice waits once', async () => {
    const first = await ask();
    expect(await ask(t, Object.fromEntries(Object.entries(ASKED).toReversed()))).toBe(first);
    expect(await ask(t, { ...ASKED, name: 'others' })).not.toBe(first);
    expect(await waiting()).toHaveLength(2);
    expect(await history()).toHaveLength(2);
  });

  it('of a dry run is refused the same way, and not kept', async () => {
    const { violation } = await t.objectHook('datasource', 'before_create', ASKED, { dryRun: true });
    expect(violation?.code).toBe('APPROVAL_REQUIRED');
    expect(await waiting()).toEqual([]);
  });
});

describe('approving', () => {
  it('creates what was asked for, once, and leaves a trail', async () => {
    const id = await ask();
    expect(await t.rpc('approve', { id }, { caller: { id: 'root' } })).toEqual({
      datasource_id: `approved-${id}`,
    });
    expect(t.host.objects.datasource.get(`approved-${id}`)).toMatchObject({ name: 'orders', url: ASKED.url });
    expect(await waiting()).toEqual([]);
    expect(await history()).toMatchObject([
      { action: 'requested', by: 'ann', id },
      { action: 'approved', by: 'token/root', id, datasource_id: `approved-${id}` },
    ]);
    await expect(t.rpc('approve', { id })).rejects.toMatchObject({
      code: 'DENIED',
      violation: { code: 'NO_SUCH_REQUEST', httpStatus: 404 },
    });
  });

  it('by two at once happens once', async () => {
    const id = await ask();
    const both = await Promise.allSettled([t.rpc('approve', { id }), t.rpc('approve', { id })]);
    expect(both.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(t.host.objects.datasource.all()).toHaveLength(1);
  });

  it('keeps the request when the creation fails', async () => {
    const hooked = await start({
      otherHooks: () => ({ plugin: 'other', code: 'NO', reason: 'not that database' }),
    });
    const id = await ask(hooked);
    await expect(hooked.rpc('approve', { id })).rejects.toMatchObject({
      message: 'It was not created: not that database',
      violation: { code: 'NOT_CREATED', httpStatus: 422 },
    });
    expect(await waiting(hooked)).toHaveLength(1);
    expect(await history(hooked)).toMatchObject([{ action: 'requested' }, { action: 'failed' }]);
  });

  it('that died half way may be given again after a minute, and finds what it made', async () => {
    const id = await ask();
    const request = t.host.kv.get(`pending/${id}`) as JsonObject;
    t.host.kv.set(`pending/${id}`, { ...request, approving_since: Date.now() });
    await expect(t.rpc('approve', { id })).rejects.toMatchObject({ violation: { code: 'BEING_DECIDED' } });
    t.host.kv.set(`pending/${id}`, { ...request, approving_since: Date.now() - 60_000 });
    expect(await t.rpc('approve', { id })).toEqual({ datasource_id: `approved-${id}` });
  });

  it('of one’s own request is refused under four eyes', async () => {
    const strict = await start({ config: { four_eyes: true } });
    const id = await ask(strict);
    await expect(strict.rpc('approve', { id }, { caller: { id: 'ann' } })).rejects.toMatchObject({
      violation: { code: 'FOUR_EYES' },
    });
    expect(await strict.rpc('approve', { id }, { caller: { id: 'bob' } })).toBeDefined();
  });

  it('takes secrets that the plugin was not allowed to see', async () => {
    const blind = await start({ grants: { scopes: ['datasources.write', 'kv.readwrite'] } });
    const id = await ask(blind, { ...ASKED, url: '[redacted]' });
    await expect(blind.rpc('approve', { id })).rejects.toMatchObject({ violation: { code: 'NOT_CREATED' } });
    await blind.rpc('approve', { id, secrets: { url: ASKED.url } });
    expect(blind.host.objects.datasource.get(`approved-${id}`)?.url).toBe(ASKED.url);
  });

  it('is for admins', async () => {
    const id = await ask();
    const caller = { role: 'operator' } as const;
    await expect(t.rpc('approve', { id }, { caller })).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
  });
});

it('rejecting forgets the request and says why in the trail', async () => {
  const id = await ask();
  expect(await t.rpc('reject', { id, reason: 'not now' })).toEqual({ id });
  expect(await waiting()).toEqual([]);
  expect((await history()).at(-1)).toMatchObject({ action: 'rejected', reason: 'not now', name: 'orders' });
});

it('a request that nobody decides is gone after the configured days', async () => {
  let now = Date.now();
  const slow = await start({ config: { expire_days: 1 }, now: () => now });
  await ask(slow);
  now += 86_400_000;
  expect(await waiting(slow)).toEqual([]);
});
