import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { connectClient } from './clients.test-support.js';
import { functionHooks, rawUpstream, runGateway } from './gateway.test-support.js';
import { connectRaw, initialize } from './raw-client.test-support.js';

/** A request whose Host header is what the test says; fetch would set its own. */
async function withHost(
  url: string,
  headers: Readonly<Record<string, string>>,
  path = '/',
): Promise<{ status: number; body: string }> {
  const request = httpRequest(new URL(path, url), { headers });
  request.end();
  const [response] = (await once(request, 'response')) as [import('node:http').IncomingMessage];
  let body = '';
  for await (const chunk of response) body += String(chunk);
  return { status: response.statusCode ?? 0, body };
}

/** A request whose target is the text that the test says. */
async function rawTarget(port: number, target: string): Promise<{ status: number; body: string }> {
  const socket = connect(port, '127.0.0.1');
  socket.end(`GET ${target} HTTP/1.1\r\nhost: 127.0.0.1:${String(port)}\r\nconnection: close\r\n\r\n`);
  let body = '';
  for await (const chunk of socket) body += String(chunk);
  return { status: Number(body.split(' ', 2)[1]), body };
}

describe('Host and Origin', () => {
  test.each([
    [{ host: 'evil.example' }, 'HOST_NOT_ALLOWED'],
    [{ host: 'localhost:1' }, 'HOST_NOT_ALLOWED'],
    [{ origin: 'https://evil.example' }, 'ORIGIN_NOT_ALLOWED'],
    [{ origin: 'null' }, 'ORIGIN_NOT_ALLOWED'],
    [{ origin: 'http://localhost:1' }, 'ORIGIN_NOT_ALLOWED'],
  ])('%o is refused', async (headers, code) => {
    await using at = await runGateway();
    for (const path of ['/', '/mcp', '/hooks']) {
      const { status, body } = await withHost(at.url, headers, path);
      expect(status).toBe(403);
      expect(body).toContain(code);
    }
  });

  test('of the listener itself and of allowed_hosts are served', async () => {
    await using at = await runGateway({ allowedHosts: ['gw.example', 'other.example:8443'] });
    const { port } = new URL(at.url);
    for (const host of [
      `127.0.0.1:${port}`,
      `localhost:${port}`,
      `[::1]:${port}`,
      'gw.example',
      `GW.example:${port}`,
      'other.example:8443',
    ]) {
      expect((await withHost(at.url, { host })).status).toBe(200);
    }
    expect((await withHost(at.url, { origin: `http://localhost:${port}` })).status).toBe(200);
    expect((await withHost(at.url, { origin: 'https://gw.example' })).status).toBe(200);
    expect((await withHost(at.url, { host: 'other.example' })).status).toBe(403);
  });
});

const APPS = [
  { id: 'app', keyHashes: [createHash('sha256').update('right').digest('hex')], assertContext: false },
];

describe('credentials', () => {
  test('are needed but in development', async () => {
    await using at = await runGateway({ environment: 'production', apps: APPS });
    const without = await fetch(`${at.url}/`);
    expect(without.status).toBe(401);
    expect(without.headers.get('www-authenticate')).toBe('Bearer');
    expect(await without.json()).toMatchObject({ error: { code: 'UNAUTHENTICATED' } });
    expect((await fetch(`${at.url}/`, { headers: { authorization: 'Bearer right' } })).status).toBe(200);
    expect((await fetch(`${at.url}/`, { headers: { 'x-api-key': 'right' } })).status).toBe(200);
    expect((await fetch(`${at.url}/`, { headers: { authorization: 'Basic right' } })).status).toBe(200);
  });

  test('that nobody accepts are refused in development too', async () => {
    await using at = await runGateway({ apps: APPS });
    expect((await fetch(`${at.url}/`, { headers: { authorization: 'Bearer wrong' } })).status).toBe(401);
    expect((await fetch(`${at.url}/`)).status).toBe(200);
  });

  test('are answered through MCP with a JSON-RPC error', async () => {
    await using at = await runGateway({ environment: 'production' });
    const response = await fetch(`${at.url}/mcp`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({
      jsonrpc: '2.0',
      error: { data: { code: 'UNAUTHENTICATED' } },
    });
  });

  test('reach the plugin that resolves users, unless they are an app’s key', async () => {
    const hooks = functionHooks({
      http_auth_resolve_user: ({ credentials }) =>
        (credentials as { token?: string }).token === 'plugin-token'
          ? { modify: { user: { id: 'ada', roles: ['x'] } } }
          : undefined,
      http_post_request: () => {},
    });
    await using at = await runGateway({ environment: 'production', apps: APPS, hooks });
    expect((await fetch(`${at.url}/`, { headers: { authorization: 'Bearer plugin-token' } })).status).toBe(
      200,
    );
    expect((await fetch(`${at.url}/`, { headers: { authorization: 'Bearer right' } })).status).toBe(200);
    expect((await fetch(`${at.url}/`, { headers: { authorization: 'Bearer other' } })).status).toBe(401);
    const asked = hooks.seen
      .filter(({ hook }) => hook === 'http_auth_resolve_user')
      .map(({ payload }) => payload['credentials']);
    expect(asked).toEqual([
      { scheme: 'Bearer', token: 'plugin-token' },
      {},
      { scheme: 'Bearer', token: 'other' },
    ]);
    expect(hooks.seen.find(({ hook }) => hook === 'http_post_request')?.context.user).toEqual({
      id: 'ada',
      roles: ['x'],
    });
    expect(JSON.stringify(hooks.seen)).not.toContain('right');
  });

  test('of another app do not open a session', async () => {
    const other = {
      id: 'other',
      keyHashes: [createHash('sha256').update('theirs').digest('hex')],
      assertContext: false,
    };
    await using at = await runGateway({
      environment: 'production',
      apps: [...APPS, other],
      upstreams: [rawUpstream()],
    });
    const mine = await connectRaw(`${at.url}/mcp`, { authorization: 'Bearer right' });
    expect(await mine.send('{"jsonrpc":"2.0","id":1,"method":"ping"}')).toHaveLength(1);
    const theirs = await fetch(`${at.url}/mcp`, {
      method: 'POST',
      headers: {
        authorization: 'Bearer theirs',
        'mcp-session-id': mine.sessionId,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
      body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
    });
    expect(theirs.status).toBe(404);
  });
});

describe('the http hooks', () => {
  test('run for every request, and a denial is the answer', async () => {
    const hooks = functionHooks({
      http_pre_request: ({ path }) =>
        path === '/hooks'
          ? {
              deny: {
                code: 'NO',
                reason: 'not here',
                http_status_code: 451,
                http_headers: { 'x-why': 'law' },
              },
            }
          : undefined,
    });
    await using at = await runGateway({ hooks, upstreams: [rawUpstream()] });
    const denied = await fetch(`${at.url}/hooks?x=1`);
    expect(denied.status).toBe(451);
    expect(denied.headers.get('x-why')).toBe('law');
    expect(await denied.json()).toMatchObject({
      error: { code: 'NO', message: 'not here', plugin: 'guard' },
    });
    await using client = await connectClient('second line, stateless', `${at.url}/mcp`);
    await client.request('tools/list');
    expect(hooks.seen.map(({ payload }) => payload['path'])).toContain('/mcp');
    expect(hooks.seen[0]?.payload).toMatchObject({
      method: 'GET',
      client_host: '127.0.0.1',
      client_port: expect.any(Number),
    });
  });

  test('see the path by which a request is routed, however it is spelt', async () => {
    const seen: unknown[] = [];
    const hooks = functionHooks({
      http_pre_request: ({ path }) => {
        seen.push(path);
        return path === '/mcp' ? { deny: { code: 'NOT_TODAY', reason: 'closed' } } : undefined;
      },
    });
    await using at = await runGateway({ hooks, upstreams: [rawUpstream()] });
    const { port } = new URL(at.url);
    const ask = (target: string): Promise<{ status: number; body: string }> =>
      rawTarget(Number(port), target);
    for (const target of ['/mcp', '/%6dcp', '/%6D%63%70?a=b'])
      expect((await ask(target)).body).toContain('NOT_TODAY');
    expect(seen).toEqual(['/mcp', '/mcp', '/mcp']);
    for (const target of [`${at.url}/mcp`, '/mcp#x']) {
      const { status, body } = await ask(target);
      expect(status).toBe(400);
      expect(body).toContain('INVALID_ARGUMENT');
    }
    expect(seen).toHaveLength(3);
  });

  test('change the headers that later steps see, and never see credentials', async () => {
    const hooks = functionHooks({
      http_pre_request: ({ headers }) => ({
        modify: { headers: { ...(headers as object), 'x-team': 'blue', 'content-length': '1' } },
      }),
      tool_pre_invoke: () => {},
    });
    await using at = await runGateway({ hooks, apps: APPS });
    await fetch(`${at.url}/hooks/tool_pre_invoke`, {
      method: 'POST',
      headers: { authorization: 'Bearer right', 'content-type': 'application/json', cookie: 'c=1' },
      body: '{"payload":{"name":"x"}}',
    });
    expect(hooks.seen[0]?.payload['headers']).not.toHaveProperty('authorization');
    expect(hooks.seen[0]?.payload['headers']).not.toHaveProperty('cookie');
    expect(hooks.seen[1]?.context).toMatchObject({ appId: 'app', headers: { 'x-team': 'blue' } });
  });

  test('change response headers, also of an answer that streams', async () => {
    const hooks = functionHooks({
      http_post_request: ({ response_headers: headers, status_code: status }) => ({
        modify: {
          response_headers: { ...(headers as object), 'x-status': String(status), 'content-length': '3' },
        },
      }),
    });
    await using at = await runGateway({ hooks, upstreams: [rawUpstream()] });
    const plain = await fetch(`${at.url}/`);
    expect(plain.headers.get('x-status')).toBe('200');
    expect(await plain.json()).toMatchObject({ name: 'bulkhead' });
    const streamed = await fetch(`${at.url}/mcp`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
      body: initialize('{}'),
    });
    expect(streamed.headers.get('x-status')).toBe('200');
    expect(await streamed.text()).toContain('"serverInfo"');
  });

  test('may refuse what would have been answered', async () => {
    const hooks = functionHooks({ http_post_request: () => ({ deny: { code: 'LEAK', reason: 'not out' } }) });
    await using at = await runGateway({ hooks });
    const response = await fetch(`${at.url}/`);
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ error: { code: 'LEAK' } });
  });
});

describe('a request', () => {
  test('keeps its id when it is well-formed, and gets one otherwise', async () => {
    await using at = await runGateway();
    const own = await fetch(`${at.url}/`, { headers: { 'x-request-id': 'abc-1.2' } });
    expect(own.headers.get('x-request-id')).toBe('abc-1.2');
    const bad = await fetch(`${at.url}/`, { headers: { 'x-request-id': 'a b{}' } });
    expect(bad.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('to nowhere is told so', async () => {
    await using at = await runGateway();
    const response = await fetch(`${at.url}/nowhere?a=b`);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({
      error: { code: 'ROUTE_NOT_FOUND', message: expect.stringContaining('/nowhere') },
    });
    const server = await fetch(`${at.url}/mcp/nobody`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    expect(await server.json()).toMatchObject({ error: { data: { code: 'UPSTREAM_NOT_FOUND' } } });
  });

  test('passes its trace on to hooks', async () => {
    const hooks = functionHooks({ tool_pre_invoke: () => {} });
    await using at = await runGateway({ hooks });
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await fetch(`${at.url}/hooks/tool_pre_invoke`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', traceparent },
      body: '{"payload":{"name":"x"}}',
    });
    expect(hooks.seen[0]?.context.traceparent).toBe(traceparent);
  });

  test('that sends its headers too slowly is cut off', async () => {
    await using at = await runGateway({ limits: { headersTimeoutMs: 100, requestTimeoutMs: 200 } });
    const socket = connect(Number(new URL(at.url).port), '127.0.0.1');
    socket.on('error', () => {});
    socket.resume();
    socket.write('POST /mcp HTTP/1.1\r\nHost: ');
    await once(socket, 'close');
  });

  test('is refused while the host goes down, and one in progress is finished first', async () => {
    const at = await runGateway({ upstreams: [rawUpstream()] });
    const client = await connectRaw(`${at.url}/mcp`);
    const slow = client.send('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"raw__slow"}}');
    await client.send('{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"raw__see"}}');
    const closing = at.gateway.close(5_000);
    const refused = await fetch(`${at.url}/`);
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ error: { code: 'SHUTTING_DOWN' } });
    // The call in progress ends when its upstream does; the gateway waits for it.
    await at.upstreams.stop();
    expect(await slow).toEqual([expect.stringContaining('UPSTREAM_UNAVAILABLE')]);
    await closing;
    await expect(fetch(`${at.url}/`)).rejects.toThrow();
  });
});

test('GET / says what is served', async () => {
  await using at = await runGateway({ upstreams: [rawUpstream()] });
  expect(await (await fetch(`${at.url}/`)).json()).toEqual({
    name: 'bulkhead',
    mcp: ['/mcp', '/mcp/raw'],
    hooks: '/hooks',
  });
});

test('an address that cannot be read is refused in the shape of every refusal', async () => {
  await using at = await runGateway();
  const { status, body } = await withHost(at.url, { 'x-request-id': 'mine' }, '/hooks/%zz');
  expect(status).toBe(400);
  expect(JSON.parse(body)).toMatchObject({ error: { code: 'INVALID_PAYLOAD', request_id: 'mine' } });
});

test('a body that nests abysmally is the fault of who sent it', async () => {
  await using at = await runGateway({ hooks: functionHooks({ tool_pre_invoke: () => {} }) });
  const body = `{"payload":{"name":"echo","args":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`;
  for (const path of ['/hooks/tool_pre_invoke', '/mcp']) {
    const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
    const response = await fetch(`${at.url}${path}`, { method: 'POST', headers, body });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('nests deeper than');
  }
});

test('apps and policy change with an update, for requests from then on', async () => {
  const deny = { code: 'NO', reason: 'no', details: { why: 'because' } };
  const hooks = functionHooks({ tool_pre_invoke: () => ({ deny }) });
  await using at = await runGateway({ hooks, apps: APPS });
  const ask = async (key: string) => {
    const response = await fetch(`${at.url}/hooks/tool_pre_invoke`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': key },
      body: '{"payload":{"name":"echo"}}',
    });
    return { status: response.status, text: await response.text() };
  };
  expect((await ask('right')).text).not.toContain('because');
  at.gateway.update({
    policy: { denyAs: 'error', exposeViolationDetails: true },
    apps: [
      { id: 'next', keyHashes: [createHash('sha256').update('new').digest('hex')], assertContext: false },
    ],
  });
  expect((await ask('right')).status).toBe(401);
  expect((await ask('new')).text).toContain('because');
});
