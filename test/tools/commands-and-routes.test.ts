import { request as httpRequest } from 'node:http';
import { describe, expect, test } from 'vitest';
import { connectClient } from '../gateway/clients.test-support.js';
import { KEY } from './app-key.test-support.js';
import { contributing, runHost } from './tools.test-support.js';

const AUTHORIZED = { authorization: `Bearer ${KEY}` };

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** A request whose path nobody tidies up. */
function raw(
  url: string,
  method: string,
  path: string,
  options: { headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      { hostname, port, method, path, headers: options.headers ?? AUTHORIZED },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => (text += part));
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
        });
      },
    );
    sent.on('error', reject);
    sent.end(options.body);
  });
}

const json = (answer: Answer): Record<string, unknown> => JSON.parse(answer.text) as Record<string, unknown>;

describe('a command that a plugin contributes', () => {
  test('is listed, and runs with its arguments checked', async () => {
    await using at = await runHost();
    const post = (name: string, body: object): Promise<Response> =>
      fetch(`${at.url}/commands/${name}`, {
        method: 'POST',
        headers: { ...AUTHORIZED, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    const listed = await fetch(`${at.url}/commands`, { headers: AUTHORIZED });
    expect(await listed.json()).toMatchObject({
      commands: [
        { name: 'greet', plugin: 'notes', description: 'Says hello.', input: { required: ['name'] } },
      ],
    });
    const answer = await post('greet', { name: 'Eva', times: 2 });
    expect(await answer.json()).toEqual({ result: 'Hello Eva, Hello Eva' });
    expect((await post('notes:greet', { name: 'Eva' })).status).toBe(200);
    expect((await post('greet', { name: 1 })).status).toBe(400);
    expect((await post('nothing', {})).status).toBe(404);
    expect((await fetch(`${at.url}/commands`)).status).toBe(200);
    expect((await fetch(`${at.url}/commands`, { headers: { authorization: 'Bearer wrong' } })).status).toBe(
      401,
    );
  });

  test('is an MCP prompt, whose text arguments are read as the schema says', async () => {
    await using at = await runHost();
    await using client = await connectClient('first line', `${at.url}/mcp`, { headers: AUTHORIZED });
    expect(await client.request('prompts/list')).toMatchObject({
      prompts: [
        {
          name: 'notes__greet',
          description: 'Says hello.',
          arguments: [
            { name: 'name', description: 'Whom.', required: true },
            { name: 'times', required: false },
          ],
        },
      ],
    });
    const result = await client.request('prompts/get', {
      name: 'notes__greet',
      arguments: { name: 'Eva', times: '2' },
    });
    expect(result['messages']).toEqual([
      { role: 'user', content: { type: 'text', text: 'Hello Eva, Hello Eva' } },
    ]);
    await expect(
      client.request('prompts/get', { name: 'notes__greet', arguments: { name: 'Eva', times: 'two' } }),
    ).rejects.toMatchObject({ code: -32_602 });
    const completed = await client.request('completion/complete', {
      ref: { type: 'ref/prompt', name: 'notes__greet' },
      argument: { name: 'name', value: 'E' },
    });
    expect(completed).toEqual({ completion: { values: [] } });
  });

  test('of two plugins goes by both names: their own is refused, with the names to choose from', async () => {
    await using at = await runHost({ plugins: { one: contributing(), two: contributing() } });
    const post = (name: string): Promise<Answer> =>
      raw(at.url, 'POST', `/commands/${name}`, {
        headers: { ...AUTHORIZED, 'content-type': 'application/json' },
        body: '{"name":"Eva"}',
      });
    const clash = await post('greet');
    expect(clash.status).toBe(409);
    expect(clash.text).toContain('one:greet, two:greet');
    expect((await post('two:greet')).status).toBe(200);
    const listed = await raw(at.url, 'GET', '/commands');
    expect(json(listed)).toMatchObject({ commands: [{ name: 'one:greet' }, { name: 'two:greet' }] });
  });
});

describe('a route that a plugin contributes', () => {
  test('is answered by the plugin, by entry or id, without the credentials of the host', async () => {
    await using at = await runHost();
    const answer = await raw(at.url, 'POST', '/plugins/test.contributing/items/a%20b?x=1&y=%2F', {
      headers: { ...AUTHORIZED, cookie: 'a=b', 'x-mine': 'yes', 'content-type': 'text/plain' },
      body: 'not JSON',
    });
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json',
      'x-content-type-options': 'nosniff',
      'content-security-policy': 'sandbox allow-forms allow-scripts',
      'x-request-id': expect.any(String),
    });
    expect(json(answer)).toMatchObject({
      method: 'POST',
      route: '/items/{id}',
      path: '/items/a%20b',
      params: { id: 'a b' },
      query: 'x=1&y=%2F',
      body: 'not JSON',
      headers: { 'x-mine': 'yes', 'content-type': 'text/plain' },
      context: { appId: 'shop', serverId: 'notes' },
    });
    expect(Object.keys(json(answer)['headers'] as object)).not.toContain('authorization');
    expect(Object.keys(json(answer)['headers'] as object)).not.toContain('cookie');
    expect(json(await raw(at.url, 'GET', '/plugins/notes/items/new'))).toMatchObject({ route: '/items/new' });
    for (const path of ['/plugins/notes', '/plugins/notes/'])
      expect(json(await raw(at.url, 'GET', path))).toMatchObject({ route: '/', path: '/' });
  });

  test.each([
    '/plugins/nobody/items/1',
    '/plugins/notes/nothing',
    '/plugins/notes/items/..',
    '/plugins/notes/items/%2e%2e',
    '/plugins/notes/items/.',
    '/plugins/notes/items/a%2Fb',
    '/plugins/notes/items/a%5cb',
    '/plugins/notes/items/a%00',
    '/plugins/notes/items/%ff',
    '/plugins/notes/items/%',
    '/plugins/notes//items/1',
    '/plugins/notes/items/1/',
    '/plugins/notes/../../hooks',
    '/plugins/%2e%2e/hooks',
    '/plugins/',
    '/plugins/notes/open',
  ])('is not there for GET %s', async (path) => {
    await using at = await runHost();
    const answer = await raw(at.url, 'GET', path);
    expect([400, 404]).toContain(answer.status);
    expect(answer.text).toMatch(/ROUTE_NOT_FOUND|INVALID_PAYLOAD/);
  });

  test('needs a credential unless it is open, and being open needs the grant', async () => {
    await using at = await runHost();
    const stranger = { authorization: 'Bearer nobody' };
    expect((await raw(at.url, 'GET', '/plugins/notes/items/1', { headers: stranger })).status).toBe(401);
    const open = await raw(at.url, 'POST', '/plugins/notes/open', { headers: stranger, body: 'x' });
    expect(open.status).toBe(200);
    expect(json(open)).toMatchObject({ body: 'x', context: { appId: '' } });
    await using closed = await runHost({
      plugins: { notes: contributing({ grants: { open_routes: false } }) },
    });
    expect((await raw(closed.url, 'POST', '/plugins/notes/open', { body: 'x' })).status).toBe(404);
  });

  test('that asks for scopes is for apps that have them', async () => {
    await using at = await runHost();
    const refused = await raw(at.url, 'GET', '/plugins/notes/scoped');
    expect(refused.status).toBe(403);
    expect(refused.text).toContain('notes.read');
    const apps = { shop: { keys: [`sha256:${await hashOf(KEY)}`], scopes: ['notes.read'] } };
    await using scoped = await runHost({ apps });
    expect((await raw(scoped.url, 'GET', '/plugins/notes/scoped')).status).toBe(200);
  });

  test('takes no larger body than it says', async () => {
    await using at = await runHost();
    const body = 'x'.repeat(101);
    expect((await raw(at.url, 'POST', '/plugins/notes/items/1', { body })).status).toBe(413);
  });

  test.each([
    [{ headers: [{ name: 'x-a', value: 'b\r\nset-cookie: c=d' }] }, 'characters'],
    [{ headers: [{ name: 'x a', value: 'b' }] }, 'characters'],
    [{ headers: [{ name: 'Content-Length', value: '3' }] }, 'content-length'],
    [{ headers: [{ name: 'transfer-encoding', value: 'chunked' }] }, 'transfer-encoding'],
    [{ headers: [{ name: 'connection', value: 'close' }] }, 'connection'],
    [{ headers: [{ name: 'set-cookie', value: 'a=b' }] }, 'set-cookie'],
    [{ status: 101 }, 'status'],
    [{ status: 999 }, 'status'],
  ])('may not answer with %j', async (told, what) => {
    await using at = await runHost();
    const answer = await raw(at.url, 'POST', '/plugins/notes/answer', { body: JSON.stringify(told) });
    expect(answer.status).toBe(502);
    expect(json(answer)).toMatchObject({
      error: { code: 'INVALID_ANSWER', message: expect.stringContaining(what) },
    });
    expect(answer.headers).not.toHaveProperty('set-cookie');
  });

  test('is gone with its plugin, and its handler’s failure is not told', async () => {
    await using at = await runHost();
    const failed = await raw(at.url, 'POST', '/plugins/notes/answer', { body: 'not JSON' });
    expect(failed.status).toBe(502);
    expect(failed.text).not.toContain('Unexpected token');
    await at.host.disable('notes');
    expect((await raw(at.url, 'GET', '/plugins/notes/items/1')).status).toBe(404);
  });
});

async function hashOf(key: string): Promise<string> {
  const { createHash } = await import('node:crypto');
  return createHash('sha256').update(key).digest('hex');
}
