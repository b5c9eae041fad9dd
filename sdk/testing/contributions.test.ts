import { isBulkheadError } from '@bulkhead/proto';
import type { JsonObject } from '@bulkhead/proto/json';
import { describe, expect, it } from 'vitest';
import { definePlugin, deny, modify, type Plugin } from '../index.js';
import { testPlugin, type TestPluginOptions } from './index.js';

const base = { id: 'com.example.sample', name: 'sample', version: '1.0.0' };
const failing = (code: string, text = /./) =>
  expect.toSatisfy((error) => isBulkheadError(error) && error.code === code && text.test(error.message));

async function start(plugin: Plugin<never>, manifest: object, options: Partial<TestPluginOptions> = {}) {
  return testPlugin(
    definePlugin<never>(() => plugin),
    { manifest: { ...base, ...manifest }, ...options },
  );
}

describe('object hooks', () => {
  const declared = { object_hooks: [{ object: 'llm', hooks: ['before_create', 'after_update'] }] };
  const withHook = (before: NonNullable<NonNullable<Plugin<never>['objectHooks']>['llm']>['before_create']) =>
    start({ objectHooks: { llm: { before_create: before, after_update() {} } } } as never, declared);

  it('see the object and may change fields of it, also take one out', async () => {
    const t = await withHook((llm) =>
      modify({ vendor: llm.vendor.toLowerCase(), models: ['a'], endpoint: undefined }),
    );
    const given = { name: 'x', vendor: 'OpenAI', endpoint: 'https://x' };
    expect(await t.objectHook('llm', 'before_create', given)).toEqual({
      allowed: true,
      changed: true,
      object: { name: 'x', vendor: 'openai', models: ['a'] },
      violation: undefined,
      metadata: {},
    });
  });

  it('deny with a reason', async () => {
    const t = await withHook(() => deny({ code: 'VENDOR', reason: 'not this one', http_status_code: 422 }));
    expect(await t.objectHook('llm', 'before_create', { name: 'x' })).toMatchObject({
      allowed: false,
      violation: { code: 'VENDOR', reason: 'not this one', http_status_code: 422 },
    });
  });

  it.each([
    ['before_create', modify({ id: 'mine' }), /'id' is the host's to write/],
    ['before_create', modify({ metadata: {} }), /ctx\.metadata/],
    ['before_create', true, /expected nothing/],
    ['after_update', deny({ code: 'X', reason: 'y' }), /cannot be denied/],
    ['after_update', modify({ name: 'x' }), /only before_create/],
  ] as const)('cannot answer %s with %o', async (hook, answer, text) => {
    const handler = (): unknown => answer;
    const t = await start(
      { objectHooks: { llm: { before_create: handler, after_update: handler } } } as never,
      declared,
    );
    await expect(t.objectHook('llm', hook, { name: 'x' })).rejects.toThrow(failing('INVALID_ANSWER', text));
  });

  it('know the operation and keep notes of their own', async () => {
    const t = await withHook((_llm, ctx) => {
      ctx.metadata.set('seen', [
        ctx.operationId,
        ctx.userId ?? null,
        ctx.dryRun,
        ctx.metadata.get('old') ?? 0,
      ]);
      ctx.metadata.delete('old');
    });
    const operation = { operationId: 'op', userId: 'u', dryRun: true, metadata: { old: 1 } };
    const { metadata } = await t.objectHook('llm', 'before_create', {}, operation);
    // Without permission read_user nobody's name leaves the host.
    expect(metadata).toEqual({ seen: ['op', null, true, 1] });
  });

  it('must be those of the manifest', async () => {
    const registered = { objectHooks: { tool: { before_delete() {} } } };
    await expect(start(registered, declared)).rejects.toThrow(
      failing('REGISTRATION_MISMATCH', /llm\.before_create.*tool\.before_delete/s),
    );
    await expect(start({ objectHooks: { llm: { before_creat() {} } } } as never, declared)).rejects.toThrow(
      failing('SETUP_FAILED', /'before_creat' is no object hook/),
    );
    await expect(start({ objectHooks: { llms: {} } } as never, declared)).rejects.toThrow(
      failing('SETUP_FAILED', /'llms' is no kind of object/),
    );
  });
});

describe('a tool', () => {
  const input = { type: 'object', required: ['n'], properties: { n: { type: 'number' } } };
  const output = { type: 'object', required: ['sum'], properties: { sum: { type: 'number' } } };
  const declared = {
    contributes: { tools: [{ name: 'add', description: 'Adds.', input, output, effect: 'read_only' }] },
  };
  const withTool = (add: (args: JsonObject) => unknown) =>
    start({ tools: { add } } as Plugin<never>, declared);

  it('gets checked arguments, numbers as numbers, and its result is checked', async () => {
    const t = await withTool(({ n }) => ({ sum: Number(n) + 1 }));
    expect(await t.tool('add', { n: JSON.rawJSON('10.0') })).toEqual({ sum: 11 });
    await expect(t.tool('add', { n: 'x' })).rejects.toThrow(failing('INVALID_ARGUMENT', /n/));
    const wrong = await withTool(() => ({}));
    await expect(wrong.tool('add', { n: 1 })).rejects.toThrow(failing('TOOL_FAILED', /sum/));
    await expect(t.tool('sub', {})).rejects.toThrow(failing('NOT_FOUND'));
  });

  it('refuses with deny, and the refusal crosses whole', async () => {
    const t = await withTool(() => deny({ code: 'BUSY', reason: 'later', http_status_code: 429 }));
    await expect(t.tool('add', { n: 1 })).rejects.toMatchObject({
      code: 'DENIED',
      message: 'later',
      violation: { plugin: 'sample', code: 'BUSY', httpStatus: 429 },
    });
  });

  it('that throws is PLUGIN_ERROR, whatever it throws, and its stack is in the log alone', async () => {
    const t = await withTool(() => {
      throw new Error('no disk');
    });
    await expect(t.tool('add', { n: 1 })).rejects.toThrow(failing('PLUGIN_ERROR', /^no disk$/));
    expect(t.logs.at(-1)).toMatchObject({ level: 'error', fields: { handler: "tool 'add'" } });
  });

  it('answers with JSON alone', async () => {
    const t = await withTool(() => () => 1);
    await expect(t.tool('add', { n: 1 })).rejects.toThrow(failing('INVALID_ANSWER', /JSON value/));
  });

  it('meets its deadline', async () => {
    const t = await withTool(() => new Promise(() => {}));
    await expect(t.tool('add', { n: 1 }, { timeoutMs: 5 })).rejects.toThrow(failing('DEADLINE_EXCEEDED'));
  });
});

it('a command gets its arguments and its request', async () => {
  const t = await start(
    { commands: { hello: ({ who }, ctx) => `hello ${String(who)} of ${String(ctx.tenantId)}` } },
    { contributes: { commands: [{ name: 'hello', description: 'Greets.' }] } },
  );
  expect(await t.command('hello', { who: 'you' }, { tenantId: 'acme' })).toBe('hello you of acme');
});

describe('a route', () => {
  const contributes = { routes: [{ path: '/orders/{id}', methods: ['GET', 'POST'], auth: 'none' }] };
  const permissions = { open_routes: true };
  const withRoutes = (get: unknown, post: unknown = () => undefined) =>
    start({ routes: { 'GET /orders/{id}': get, 'POST /orders/{id}': post } } as never, {
      contributes,
      permissions,
    });

  it('gets places, query and headers, and answers JSON', async () => {
    const t = await withRoutes(
      (request: { params: object; query: URLSearchParams; headers: Record<string, string> }) => ({
        json: { ...request.params, full: request.query.get('full'), accept: request.headers['accept'] },
        headers: { 'x-a': ['1', '2'] },
      }),
    );
    const response = await t.route('GET /orders/7%2F8?full=1', { headers: { Accept: 'a/b' } });
    expect(response.json()).toEqual({ id: '7/8', full: '1', accept: 'a/b' });
    expect(response).toMatchObject({ status: 200, headers: { 'content-type': /json/, 'x-a': '2' } });
  });

  it('answers nothing with 204, and a body that is no JSON with 400', async () => {
    const t = await withRoutes(
      () => undefined,
      (request: { json(): unknown }) => ({ json: request.json(), status: 201 }),
    );
    expect(await t.route('GET /orders/1')).toMatchObject({ status: 204 });
    expect(await t.route('POST /orders/1', { body: { a: 1 } })).toMatchObject({ status: 201 });
    const refused = await t.route('POST /orders/1', { body: '{' });
    expect([refused.status, refused.json()]).toEqual([
      400,
      { error: { code: 'INVALID_ARGUMENT', message: 'expected a JSON body' } },
    ]);
  });

  it('answers a denial with its status', async () => {
    const t = await withRoutes(() => deny({ code: 'GONE', reason: 'sold out', http_status_code: 410 }));
    const refused = await t.route('GET /orders/1');
    expect([refused.status, refused.json()]).toEqual([410, { error: { code: 'GONE', message: 'sold out' } }]);
  });

  it.each([
    [{ status: 99 }, /status/],
    [{ headers: { 'x-a': 'a\r\nb: c' } }, /headers\.x-a/],
    [{ body: 7 }, /body: expected text or bytes/],
    [{ text: 'x' }, /unknown key 'text'/],
    ['x', /expected \{status/],
  ])('cannot answer %o', async (answer, text) => {
    const t = await withRoutes(() => answer);
    await expect(t.route('GET /orders/1')).rejects.toThrow(failing('INVALID_ANSWER', text));
  });
});

it('an RPC method knows its caller; below its role it is not called', async () => {
  const t = await start(
    { rpc: { list: (_input, ctx) => ctx.caller, wipe: () => null } },
    { rpc: { methods: { list: { min_role: 'viewer' }, wipe: {} } } },
  );
  const caller = { kind: 'user', id: 'ann', role: 'viewer' } as const;
  expect(await t.rpc('list', null, { caller })).toEqual(caller);
  await expect(t.rpc('wipe', null, { caller })).rejects.toThrow(failing('PERMISSION_DENIED', /admin/));
  expect(await t.rpc('wipe')).toBe(null);
});

it('a schedule is run by its handler, one made at run time by *', async () => {
  const runs: string[] = [];
  const t = await start(
    {
      schedules: {
        nightly: (run) => void runs.push(`${run.name} ${String(run.byHand)}`),
        '*': (run) => void runs.push(`other ${run.name}`),
      },
    },
    { contributes: { schedules: [{ name: 'nightly', cron: '0 3 * * *' }] } },
  );
  await t.schedule('nightly', { byHand: false });
  await t.schedule('made-later');
  expect(runs).toEqual(['nightly false', 'other made-later']);
});

describe('events', () => {
  const permissions = { services: ['events.subscribe', 'events.publish'] };

  it('are subscribed to at the start and come to their handler', async () => {
    const seen: unknown[] = [];
    const t = await start(
      { events: { 'system.llm.*': (event) => void seen.push([event.topic, event.data]) } },
      { permissions },
    );
    expect(t.host.events.patterns).toEqual(['system.llm.*']);
    await t.event('system.llm.created', { id: 'l1' });
    await t.event('system.app.created', { id: 'a1' });
    expect(seen).toEqual([['system.llm.created', { id: 'l1' }]]);
  });

  it('are not acknowledged by a handler that fails', async () => {
    const t = await start({ events: { 'a.**': () => Promise.reject(new Error('later')) } }, { permissions });
    await expect(t.event('a.b.c')).rejects.toThrow(failing('PLUGIN_ERROR', /later/));
  });

  it('need their scope at the start', async () => {
    await expect(start({ events: { 'a.b': () => {} } }, {})).rejects.toThrow(
      failing('PERMISSION_DENIED', /events\.subscribe/),
    );
  });
});
