import Fastify, { type FastifyInstance } from 'fastify';
import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, onTestFinished, test } from 'vitest';
import { isPlainObject, OBJECT_TYPES } from '@bulkhead/proto/rules';
import type { HookedPlugin } from '../objects/hook-list.js';
import { deny, hooked, openObjects, type TestObjects } from '../objects/objects.test-support.js';
import { addApi, type ApiRoutes } from './api.js';
import type { Role } from './roles.js';
import { answerErrors } from './error-answer.js';
import { createObjectRoutes, OBJECT_PATHS } from './object-routes.js';

const OPENAI = { name: 'GPT', slug: 'gpt', vendor: 'openai' };
const guard = (handler: Parameters<typeof hooked>[2]) =>
  hooked('guard', [{ object: 'llm', hooks: ['before_create', 'before_delete'], priority: 1 }], handler);

/** A route whose parameters the listener checks, as those of other parts are. */
const checked: ApiRoutes = (api) => {
  const querystring = { type: 'object', properties: { steps: { type: 'integer', default: 3 } } };
  api.get('/checked', { config: { role: 'viewer' }, schema: { querystring } }, ({ query }) => query);
};

interface Opened extends TestObjects {
  readonly app: FastifyInstance;
  readonly routes: { readonly method: string; readonly url: string }[];
  ask(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    url: string,
    body?: object,
    headers?: Readonly<Record<string, string>>,
  ): Promise<{ status: number; body: Record<string, unknown>; headers: Readonly<Record<string, unknown>> }>;
}

async function open(plugins: readonly HookedPlugin[] = [], role: Role = 'admin'): Promise<Opened> {
  const opened = await openObjects(plugins);
  const app = Fastify();
  const routes: { method: string; url: string }[] = [];
  app.addHook('onRoute', ({ method, url }) => {
    for (const one of [method].flat()) routes.push({ method: one, url });
  });
  answerErrors(app);
  addApi(app, {
    routes: [createObjectRoutes(opened.objects), checked],
    authenticate: () => ({ role, actor: { kind: 'token', id: 'ada' } }),
  });
  await app.ready();
  onTestFinished(() => app.close());
  return {
    ...opened,
    app,
    routes,
    async ask(method, url, body, headers = {}) {
      const answer = await app.inject({
        method,
        url: `/api/v1${url}`,
        headers,
        ...(body === undefined ? {} : { payload: body }),
      });
      const json: unknown = answer.body === '' ? {} : answer.json();
      return {
        status: answer.statusCode,
        headers: answer.headers,
        body: isPlainObject(json) ? { ...json } : {},
      };
    },
  };
}

describe('the objects over REST', () => {
  test('create, read, list, replace, patch and delete', async () => {
    const { ask } = await open();
    const created = await ask('POST', '/llms', { ...OPENAI, api_key: 'sk-secret' });
    expect(created).toMatchObject({ status: 201, body: { ...OPENAI, api_key: '[redacted]', models: [] } });
    const at = `/llms/${String(created.body['id'])}`;
    expect(created.headers).toMatchObject({
      location: `/api/v1${at}`,
      etag: `"${String(created.body['etag'])}"`,
    });
    expect(await ask('GET', at)).toMatchObject({ status: 200, body: created.body });
    expect(await ask('GET', '/llms?vendor=openai')).toMatchObject({ body: { items: [created.body] } });
    expect(await ask('GET', '/llms?vendor=other')).toMatchObject({ body: { items: [] } });
    // What was read goes back whole, with its marker.
    const put = await ask('PUT', at, { ...created.body, name: 'New' });
    expect(put).toMatchObject({ status: 200, body: { name: 'New', api_key: '[redacted]' } });
    const patched = await ask(
      'PATCH',
      at,
      { description: 'hello', metadata: { team: 'a' } },
      { 'content-type': 'application/merge-patch+json' },
    );
    expect(patched).toMatchObject({ status: 200, body: { name: 'New', description: 'hello' } });
    const again = await ask('PATCH', at, { description: null });
    expect(again.body['description']).toBeUndefined();
    expect(await ask('DELETE', at)).toMatchObject({ status: 204 });
    expect(await ask('GET', at)).toMatchObject({ status: 404, body: { error: { code: 'NOT_FOUND' } } });
  });

  test('an older etag is 412, an object that is taken is 409', async () => {
    const { ask } = await open();
    const { body, headers } = await ask('POST', '/llms', OPENAI);
    const at = `/llms/${String(body['id'])}`;
    const ifMatch = { 'if-match': String(headers['etag']) };
    expect(await ask('PUT', at, OPENAI, ifMatch)).toMatchObject({ status: 200 });
    for (const method of ['PUT', 'PATCH', 'DELETE'] as const) {
      const late = await ask(method, at, method === 'DELETE' ? undefined : OPENAI, ifMatch);
      expect(late).toMatchObject({ status: 412, body: { error: { code: 'CONFLICT' } } });
    }
    expect(await ask('PUT', at, OPENAI, { 'if-match': 'no quotes' })).toMatchObject({ status: 400 });
    expect(await ask('PUT', at, OPENAI, { 'if-match': '*' })).toMatchObject({ status: 200 });
    expect(await ask('POST', '/llms', OPENAI)).toMatchObject({
      status: 409,
      body: { error: { code: 'ALREADY_EXISTS' } },
    });
  });

  test("a plugin's denial is 422 with its reason, and a guard that is down is 503", async () => {
    const { ask } = await open([guard(() => deny('VENDOR_NOT_ALLOWED', 'Only anthropic.'))]);
    expect(await ask('POST', '/llms', OPENAI)).toMatchObject({
      status: 422,
      body: {
        error: {
          code: 'DENIED',
          message: 'Only anthropic.',
          violation: { plugin: 'guard', code: 'VENDOR_NOT_ALLOWED' },
        },
      },
    });
    expect(await ask('GET', '/llms')).toMatchObject({ body: { items: [] } });
  });

  test('a dry run answers what would be, without a place or an etag', async () => {
    const { ask, objects } = await open();
    const answer = await ask('POST', '/llms?dry_run=true', OPENAI);
    expect(answer).toMatchObject({ status: 200, body: OPENAI });
    expect(answer.headers).not.toHaveProperty('location');
    expect(answer.headers).not.toHaveProperty('etag');
    expect(await objects.llm.count()).toBe(0);
    expect(await ask('POST', '/llms?dry_run=maybe', OPENAI)).toMatchObject({ status: 400 });
    expect(await ask('POST', '/llms?dryrun=true', OPENAI)).toMatchObject({ status: 400 });
  });

  test('stand beside routes whose parameters the listener checks', async () => {
    const { ask } = await open();
    expect(await ask('GET', '/checked?steps=7')).toMatchObject({ status: 200, body: { steps: 7 } });
    expect(await ask('GET', '/checked?steps=x')).toMatchObject({ status: 400 });
  });

  test('faults are told with their places, whatever the body is', async () => {
    const { ask } = await open();
    const answer = await ask('POST', '/llms', { ...OPENAI, slug: '-', vender: 1 });
    expect(answer).toMatchObject({
      status: 400,
      body: { error: { code: 'INVALID_ARGUMENT', problems: [{ path: 'vender' }, { path: 'slug' }] } },
    });
    expect(await ask('POST', '/llms', [])).toMatchObject({ status: 400 });
    expect(await ask('POST', '/llms')).toMatchObject({ status: 400 });
    expect(await ask('GET', '/llms?colour=red')).toMatchObject({ status: 400 });
    expect(await ask('GET', '/llms?page_size=x')).toMatchObject({ status: 400 });
  });

  test.each([
    ['viewer', 403, 403],
    ['operator', 201, 403],
    ['admin', 201, 201],
  ] as const)('a %s may create an llm: %i, an app: %i', async (role, llm, app) => {
    const { ask } = await open([], role);
    expect((await ask('POST', '/llms', OPENAI)).status).toBe(llm);
    expect((await ask('POST', '/apps', { name: 'a' })).status).toBe(app);
    expect((await ask('GET', '/users')).status).toBe(200);
  });

  test('no secret is in any answer', async () => {
    const { ask } = await open();
    const http = { url_template: 'https://x.example/', headers: { Authorization: 'Bearer sk-secret' } };
    const texts = [
      await ask('POST', '/llms', { ...OPENAI, api_key: 'sk-secret' }),
      await ask('POST', '/datasources', { name: 'h', kind: 'http_json', http }),
      await ask('POST', '/datasources', { name: 'p', kind: 'postgres', url: 'postgres://u:sk-secret@h/d' }),
      await ask('POST', '/datasources', { name: 'p', kind: 'postgres', url: 'mysql://u:sk-secret@h/d' }),
      await ask('POST', '/apps', { name: 'a', keys: ['sk-secret-of-some-length'] }),
      await ask('POST', '/apps', { name: 'a', keys: ['sk-secret'] }),
      await ask('POST', '/users', { email: 'a@example.com', credentials: ['sk-secret-of-some-length'] }),
      ...(await Promise.all(['/llms', '/datasources', '/apps', '/users'].map((url) => ask('GET', url)))),
    ].map(({ body }) => JSON.stringify(body));
    expect(texts.join()).not.toMatch(/sk-secret|sha256:/);
    expect(texts.join()).toContain('[redacted:1]');
  });
});

describe('the OpenAPI document', () => {
  test('is valid, and has every route of the API and no other', async () => {
    const { app, routes } = await open();
    const answer = await app.inject('/api/v1/openapi.json');
    const document: unknown = answer.json();
    const checked = await new Validator().validate(answer.json());
    expect(checked).toMatchObject({ valid: true });
    const paths = isPlainObject(document) ? document['paths'] : undefined;
    const described = Object.entries(isPlainObject(paths) ? paths : {}).flatMap(([url, operations]) =>
      Object.keys(isPlainObject(operations) ? operations : {}).map(
        (method) => `${method.toUpperCase()} ${url}`,
      ),
    );
    const served = routes
      .filter(({ method, url }) => url.startsWith('/api/v1/') && method !== 'HEAD')
      .map(({ method, url }) => `${method} ${url.replace(/:(\w+)/g, '{$1}')}`);
    expect(described.toSorted()).toEqual(served.toSorted());
    for (const type of OBJECT_TYPES) expect(described).toContain(`POST /api/v1${OBJECT_PATHS[type].path}`);
  });

  test('says what an object is, and which role each operation needs', async () => {
    const { app } = await open();
    const document: unknown = (await app.inject('/api/v1/openapi.json')).json();
    expect(document).toMatchObject({
      openapi: '3.1.0',
      components: { schemas: { llm: { required: ['name', 'slug', 'vendor'] } } },
      paths: {
        '/api/v1/apps': { get: { 'x-role': 'viewer' }, post: { 'x-role': 'admin' } },
        '/api/v1/llms': {
          post: {
            'x-role': 'operator',
            requestBody: {
              content: { 'application/json': { schema: { $ref: '#/components/schemas/llm' } } },
            },
          },
        },
      },
    });
  });
});
