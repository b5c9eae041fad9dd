import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ErrorCode } from '@bulkhead/proto';
import { functionHooks, runGateway, type HookFunction, type RunOptions } from './gateway.test-support.js';

const JSON_TYPE = { 'content-type': 'application/json' };

async function post(url: string, hook: string, body: string, headers: Readonly<Record<string, string>> = {}) {
  const response = await fetch(`${url}/hooks/${hook}`, {
    method: 'POST',
    headers: { ...JSON_TYPE, ...headers },
    body,
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

async function withHooks(hooks: Readonly<Record<string, HookFunction>>, options: RunOptions = {}) {
  return runGateway({
    hooks: functionHooks(hooks, ['tool_pre_invoke', 'tool_post_invoke', 'own_hook']),
    ...options,
  });
}

describe('POST /hooks/<hook>', () => {
  test('answers with the payload, every number with its digits', async () => {
    await using at = await withHooks({ tool_pre_invoke: () => {} });
    const { status, text } = await post(
      at.url,
      'tool_pre_invoke',
      '{"payload":{"name":"echo","args":{"n":9007199254740993,"ten":10.0,"null":null,"__proto__":{"x":1}}}}',
    );
    expect(status).toBe(200);
    expect(text).toContain('"args":{"n":9007199254740993,"ten":10.0,"null":null,"__proto__":{"x":1}}');
    expect(JSON.parse(text)).toMatchObject({
      allowed: true,
      changed_by: [],
      violation: null,
      context: { request_id: expect.any(String) },
      records: [],
      metadata: {},
    });
  });

  test('names who changed what', async () => {
    await using at = await withHooks({
      tool_pre_invoke: () => ({ modify: { args: { message: 'card ****' } } }),
    });
    const { text } = await post(
      at.url,
      'tool_pre_invoke',
      '{"payload":{"name":"echo","args":{"message":"card 4111"}}}',
    );
    expect(JSON.parse(text)).toMatchObject({
      payload: { name: 'echo', args: { message: 'card ****' } },
      changed_by: ['function'],
    });
  });

  test('answers a denial with 403 and the same shape', async () => {
    await using at = await withHooks({
      tool_pre_invoke: () => ({ deny: { code: 'NO', reason: 'not this', details: { secret: 1 } } }),
    });
    const { status, text } = await post(at.url, 'tool_pre_invoke', '{"payload":{"name":"echo"}}');
    expect(status).toBe(403);
    expect(JSON.parse(text)).toMatchObject({
      allowed: false,
      violation: { code: 'NO', reason: 'not this', plugin: 'guard' },
    });
    expect(text).not.toContain('secret');
  });

  test('gives the violation’s own status and headers, but none that frame the message or set cookies', async () => {
    await using at = await withHooks({
      tool_pre_invoke: () => ({
        deny: {
          code: 'SLOW_DOWN',
          reason: 'too many',
          http_status_code: 429,
          http_headers: {
            'Retry-After': '7',
            'Content-Length': '1',
            'Transfer-Encoding': 'chunked',
            'Set-Cookie': 'a=b',
            'bad name': 'x',
            'x-split': 'a\r\nb: c',
          },
        },
      }),
    });
    const { status, headers, text } = await post(at.url, 'tool_pre_invoke', '{"payload":{"name":"echo"}}');
    expect(status).toBe(429);
    expect(headers.get('retry-after')).toBe('7');
    expect(headers.get('set-cookie')).toBeNull();
    expect(headers.get('x-split')).toBeNull();
    expect(JSON.parse(text)).toMatchObject({ allowed: false });
  });

  test('answers 503 with a code when a guard is down, 413 when a field is too large', async () => {
    await using at = await withHooks({
      tool_pre_invoke: () => ({ fail: ErrorCode.PLUGIN_UNAVAILABLE }),
      tool_post_invoke: () => ({ fail: ErrorCode.PAYLOAD_TOO_LARGE }),
    });
    const down = await post(at.url, 'tool_pre_invoke', '{"payload":{"name":"echo"}}');
    expect(down.status).toBe(503);
    expect(JSON.parse(down.text)).toMatchObject({
      allowed: false,
      violation: { code: 'PLUGIN_UNAVAILABLE' },
    });
    expect((await post(at.url, 'tool_post_invoke', '{"payload":{"name":"echo","result":{}}}')).status).toBe(
      413,
    );
  });

  test.each([
    ['no_such_hook', '{"payload":{}}', {}, 404, 'UNKNOWN_HOOK'],
    ['tool_pre_invoke', '{"payload":', {}, 400, 'INVALID_PAYLOAD'],
    ['tool_pre_invoke', '[]', {}, 400, 'INVALID_PAYLOAD'],
    ['tool_pre_invoke', '{"payload":{},"contxt":{}}', {}, 400, 'INVALID_PAYLOAD'],
    ['tool_pre_invoke', '{"payload":{},"context":{"request_id":"a b"}}', {}, 400, 'INVALID_PAYLOAD'],
    ['tool_pre_invoke', '{"payload":{}}', { 'content-type': 'text/plain' }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['tool_pre_invoke', `{"payload":{"name":"${'x'.repeat(2_000)}"}}`, {}, 413, 'PAYLOAD_TOO_LARGE'],
  ])('%s with %.40s is refused', async (hook, body, headers, status, code) => {
    await using at = await withHooks({ tool_pre_invoke: () => {} }, { maxBodyBytes: 1_000 });
    const answer = await post(at.url, hook, body, headers);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.text)).toMatchObject({
      error: { code, message: expect.any(String), request_id: expect.any(String) },
    });
  });

  test('uses the request id that it is given, and keeps its state after the answer', async () => {
    const hooks = functionHooks({ tool_pre_invoke: () => {} });
    await using at = await withHooks({}, { hooks });
    const { text } = await post(
      at.url,
      'tool_pre_invoke',
      '{"payload":{"name":"echo"},"context":{"request_id":"mine-1","server_id":"s"}}',
    );
    expect(JSON.parse(text)).toMatchObject({ context: { request_id: 'mine-1', server_id: 's' } });
    expect(hooks.seen[0]?.context).toMatchObject({ requestId: 'mine-1', serverId: 's' });
    await post(at.url, 'tool_pre_invoke', '{"payload":{"name":"echo"}}', { 'x-request-id': 'mine-2' });
    expect(hooks.seen[1]?.context.requestId).toBe('mine-2');
    await fetch(`${at.url}/`, { headers: { 'x-request-id': 'other' } });
    await expect.poll(() => hooks.ended).toContain('other');
    for (const { hook, context } of hooks.seen)
      if (hook === 'tool_pre_invoke') expect(hooks.endedScopes).not.toContain(context.stateScope);
  });

  test('believes who the user is only from an app that may say so', async () => {
    const keyHashes = (key: string) => [createHash('sha256').update(key).digest('hex')];
    const apps = [
      { id: 'plain', keyHashes: keyHashes('plain-key'), tenantId: 't0', assertContext: false },
      { id: 'gateway', keyHashes: keyHashes('gateway-key'), assertContext: true },
    ];
    const hooks = functionHooks({ tool_pre_invoke: () => {} });
    await using at = await withHooks({}, { hooks, apps });
    const body =
      '{"payload":{"name":"echo"},"context":{"user":{"id":"ada","roles":["admin"]},"tenant_id":"t9","headers":{"X-A":"1","Cookie":"c"}}}';
    await post(at.url, 'tool_pre_invoke', body);
    await post(at.url, 'tool_pre_invoke', body, { authorization: 'Bearer plain-key' });
    await post(at.url, 'tool_pre_invoke', body, { 'x-api-key': 'gateway-key' });
    const [anonymous, plain, asserted] = hooks.seen.map(({ context }) => context);
    expect(anonymous).not.toHaveProperty('user');
    expect(anonymous).not.toHaveProperty('tenantId');
    expect(plain).toMatchObject({ appId: 'plain', tenantId: 't0' });
    expect(plain).not.toHaveProperty('user');
    expect(asserted).toMatchObject({
      appId: 'gateway',
      tenantId: 't9',
      user: { id: 'ada', roles: ['admin'] },
      headers: { 'x-a': '1' },
    });
    expect(asserted?.headers).not.toHaveProperty('cookie');
  });

  test('takes every member of a custom hook as JSON', async () => {
    await using at = await withHooks({ own_hook: () => {} });
    const { text } = await post(at.url, 'own_hook', '{"payload":{"amount":10.0,"who":"ada"}}');
    expect(text).toContain('"payload":{"amount":10.0,"who":"ada"}');
  });
});

test('GET /hooks lists the hooks, and whether anybody listens', async () => {
  await using at = await withHooks({ tool_pre_invoke: () => {} });
  expect(await (await fetch(`${at.url}/hooks`)).json()).toEqual({
    hooks: [
      { name: 'own_hook', listening: false },
      { name: 'tool_post_invoke', listening: false },
      { name: 'tool_pre_invoke', listening: true },
    ],
  });
});

test('a request id that another app uses finds a state of its own', async () => {
  const hooks = functionHooks({ tool_pre_invoke: () => {}, http_pre_request: () => {} });
  const hashOf = (key: string) => createHash('sha256').update(key).digest('hex');
  const apps = ['one', 'two'].map((id) => ({ id, keyHashes: [hashOf(`${id}-key`)], assertContext: false }));
  await using at = await runGateway({ hooks, apps });
  const body = '{"payload":{"name":"echo"},"context":{"request_id":"same"}}';
  for (const app of ['one', 'one', 'two'])
    await post(at.url, 'tool_pre_invoke', body, { 'x-request-id': 'same', 'x-api-key': `${app}-key` });
  const scopes = (name: string) =>
    hooks.seen.filter(({ hook }) => hook === name).map(({ context }) => context.stateScope);
  const [one, again, two] = scopes('tool_pre_invoke');
  expect(again).toBe(one);
  expect(two).not.toBe(one);
  expect(new Set(scopes('http_pre_request')).size).toBe(3);
});
