import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openCatalog } from '../catalog/catalog.js';
import { systemClock } from '../clock.js';
import { resolveConfig } from '../config/load-config.js';
import type { PluginRpc } from '../contributions/rpc.js';
import { openFoundation, type Foundation } from '../services/foundation.js';
import { createServices, type Services } from '../services/services.js';
import { createConfigLayer } from '../stored-config/config-layer.js';
import { createSecretValues } from '../telemetry/secret-values.js';
import { createSilentLogger } from '../telemetry/logger.js';
import type { ApiRoutes } from './api.js';
import { createRoleCheck } from './role-check.js';
import { ROLES, mayAct, type Role } from './roles.js';
import { openControlPlane, type ControlPlane } from './control-plane.js';
import { createFakeControl } from './control.test-support.js';
import { foundationSettings } from './foundation.test-support.js';
import { servedRoutes } from './served-routes.js';
import { FailedLogins } from './tokens/failed-logins.js';
import { createSessions } from './tokens/sessions.js';
import { createTokens } from './tokens/tokens.js';

let folder: string;
let foundation: Foundation;
let services: Services;
let plane: ControlPlane;
let served: string[];
let tokenOf: Readonly<Record<Role, string>>;

/** Hears of each route that is added after it. */
const listen: ApiRoutes = (app) => {
  app.addHook('onRoute', ({ method, url }) => {
    if (method !== 'HEAD') served.push(`${String(method)} ${url}`);
  });
};

/** A plugin's method that operators may call. */
const rpc: PluginRpc = {
  find: () => ({
    declared: { name: 'count', minRole: 'operator' },
    call: () => Promise.resolve('1'),
  }),
};

beforeEach(async () => {
  served = [];
  folder = await mkdtemp(join(tmpdir(), 'bulkhead guarded-'));
  const secretValues = createSecretValues();
  const parts = { clock: systemClock, log: createSilentLogger(), readEnv: () => undefined, secretValues };
  foundation = await openFoundation(foundationSettings(folder), parts);
  const { store, audit } = foundation;
  const { clock } = parts;
  const tokens = createTokens({ store, clock, audit });
  const made = await Promise.all(
    ROLES.map(async (role) => {
      const { token } = await tokens.create(
        { name: role, role, lifetimeMs: null },
        { kind: 'cli', id: 'ann' },
      );
      return [role, token] as const;
    }),
  );
  const [metrics = '', viewer = '', operator = '', admin = ''] = made.map(([, token]) => token);
  tokenOf = { metrics, viewer, operator, admin };
  const loaded = await resolveConfig(
    { host: { data_dir: folder } },
    {
      baseDirectory: folder,
      catalog: openCatalog,
      readEnv: () => undefined,
      versions: { app: '0.1.0', node: process.versions.node },
    },
  );
  services = createServices({
    ...foundation,
    ...parts,
    config: loaded.config,
    active: () => [],
    hooks: { listens: () => false, invoke: () => Promise.reject(new Error('nobody calls a hook here')) },
    upstream: () => undefined,
    configured: () => [],
    pluginStates: () => [],
    rotation: { isOut: () => false, disable: () => undefined },
    onHookRecord: () => undefined,
  });
  const layer = createConfigLayer({
    store,
    clock,
    audit,
    writes: () => 'allow',
    seal: foundation.secrets.config,
    check: () => Promise.resolve([]),
  });
  plane = await openControlPlane({
    host: '127.0.0.1',
    port: 0,
    allowedHosts: [],
    control: createFakeControl(),
    guarded: {
      routes: [
        listen,
        ...servedRoutes({
          foundation,
          tokens,
          services,
          config: { layer, loaded: () => loaded, apply: () => Promise.resolve() },
        }),
      ],
      rpc,
      tokens,
      sessions: createSessions(store, tokens, clock),
      failures: new FailedLogins(audit, clock),
      checkRole: createRoleCheck(audit, clock),
      audit,
      redact: (text) => secretValues.redact(text),
      metrics: () => 'up 1\n',
    },
  });
});
afterEach(async () => {
  await plane.close();
  await services.stop();
  await foundation.close();
  await rm(folder, { recursive: true });
});

const ask = (method: string, path: string, headers: Readonly<Record<string, string>> = {}, body?: object) =>
  fetch(`${plane.url}${path}`, {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

interface Walked {
  readonly method: string;
  readonly path: string;
  readonly needed: Role;
  readonly body?: object;
}

function routesOf(objects: string, write: Role): readonly Walked[] {
  const path = `/api/v1/${objects}`;
  return [
    { method: 'GET', path, needed: 'viewer' },
    { method: 'GET', path: `${path}/:id`, needed: 'viewer' },
    { method: 'POST', path, needed: write, body: {} },
    { method: 'PUT', path: `${path}/:id`, needed: write, body: {} },
    { method: 'PATCH', path: `${path}/:id`, needed: write, body: {} },
    { method: 'DELETE', path: `${path}/:id`, needed: write },
  ];
}

/** Every route that asks for a token, with the role it takes. One that is missing here fails the last test. */
const ROUTES: readonly Walked[] = [
  { method: 'GET', path: '/metrics', needed: 'metrics' },
  { method: 'GET', path: '/api/v1/audit', needed: 'operator' },
  { method: 'GET', path: '/api/v1/audit/verify', needed: 'operator' },
  { method: 'GET', path: '/api/v1/audit/export', needed: 'operator' },
  { method: 'GET', path: '/api/v1/tokens', needed: 'admin' },
  { method: 'POST', path: '/api/v1/tokens', needed: 'admin', body: { name: 'new', role: 'viewer' } },
  { method: 'DELETE', path: '/api/v1/tokens/:id', needed: 'admin' },
  { method: 'GET', path: '/api/v1/secrets', needed: 'operator' },
  { method: 'PUT', path: '/api/v1/secrets/:name', needed: 'admin', body: { value: 'hunter2' } },
  { method: 'DELETE', path: '/api/v1/secrets/:name', needed: 'admin' },
  { method: 'POST', path: '/api/v1/secrets/rotate-key', needed: 'admin' },
  { method: 'GET', path: '/api/v1/config/plugins/:name', needed: 'admin' },
  { method: 'PATCH', path: '/api/v1/config/plugins/:name', needed: 'admin', body: {} },
  ...routesOf('llms', 'operator'),
  ...routesOf('datasources', 'operator'),
  ...routesOf('tools', 'operator'),
  ...routesOf('users', 'admin'),
  ...routesOf('apps', 'admin'),
  { method: 'GET', path: '/api/v1/usage', needed: 'viewer' },
  { method: 'GET', path: '/api/v1/plugins/:name/kv', needed: 'operator' },
  { method: 'DELETE', path: '/api/v1/plugins/:name/kv', needed: 'admin' },
  { method: 'GET', path: '/api/v1/events/subscriptions', needed: 'viewer' },
  { method: 'DELETE', path: '/api/v1/plugins/:name/events/subscriptions', needed: 'admin' },
  { method: 'GET', path: '/api/v1/schedules', needed: 'viewer' },
  { method: 'GET', path: '/api/v1/schedules/:plugin/:name/runs', needed: 'viewer' },
  { method: 'POST', path: '/api/v1/schedules/:plugin/:name/run', needed: 'operator' },
  {
    method: 'PATCH',
    path: '/api/v1/schedules/:plugin/:name',
    needed: 'operator',
    body: { paused: true },
  },
  { method: 'GET', path: '/api/v1/approvals', needed: 'operator' },
  { method: 'GET', path: '/api/v1/approvals/:id', needed: 'operator' },
  { method: 'POST', path: '/api/v1/approvals/:id', needed: 'operator', body: { decision: 'approve' } },
  { method: 'POST', path: '/plugin/:plugin/rpc/:method', needed: 'operator', body: {} },
  { method: 'GET', path: '/api/v1/openapi.json', needed: 'viewer' },
];

test('every route of the API is in the table', () => {
  expect(
    ROUTES.filter(({ path }) => path.startsWith('/api')).map(({ method, path }) => `${method} ${path}`),
  ).toEqual(served);
});

describe.each(ROUTES)('$method $path', ({ method, path, needed, body }) => {
  test.each(ROLES)('as %s', async (role) => {
    const answer = await ask(method, path, bearer(tokenOf[role]), body);
    await answer.arrayBuffer();
    if (mayAct(role, needed)) expect([200, 201, 204, 400, 404]).toContain(answer.status);
    else expect(answer.status).toBe(403);
  });

  test('as nobody, and with a token that nobody made', async () => {
    expect((await ask(method, path, {}, body)).status).toBe(401);
    expect((await ask(method, path, bearer('bh_000000000000_x'), body)).status).toBe(401);
    expect((await ask(method, path, { authorization: 'Basic YTpi' }, body)).status).toBe(401);
  });
});

test('a path that is none tells nothing without a token', async () => {
  expect((await ask('GET', '/api/v1/nothing')).status).toBe(404);
});

test('a secret goes in and never comes out, wherever its value stands', async () => {
  const admin = bearer(tokenOf.admin);
  expect((await ask('PUT', '/api/v1/secrets/KEY', admin, { value: 'correct horse' })).status).toBe(200);
  const listed = await ask('GET', '/api/v1/secrets', admin);
  expect(await listed.json()).toMatchObject({ secrets: [{ name: 'KEY', version: 1 }] });
  await ask('POST', '/api/v1/tokens', admin, { name: 'correct horse', role: 'viewer' });
  expect(await (await ask('GET', '/api/v1/tokens', admin)).text()).not.toContain('correct horse');
  expect(await (await ask('GET', '/api/v1/audit', admin)).text()).not.toContain('correct horse');
  expect((await ask('PUT', '/api/v1/secrets/a%20b', admin, { value: 'x' })).status).toBe(400);
});

describe('browser sessions', () => {
  const login = async (token: string) => {
    const answer = await ask('POST', '/api/v1/session', {}, { token });
    const cookie = answer.headers.get('set-cookie') ?? '';
    return { status: answer.status, cookie, body: (await answer.json()) as { csrf_token?: string } };
  };

  test('a token opens one; the cookie is for this site and no script', async () => {
    const { status, cookie, body } = await login(tokenOf.operator);
    expect(status).toBe(201);
    expect(cookie).toMatch(/^bulkhead_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+$/);
    const session = { cookie: cookie.split(';')[0] ?? '' };
    const who = await ask('GET', '/api/v1/session', session);
    expect(await who.json()).toMatchObject({ role: 'operator', csrf_token: body.csrf_token });
    expect((await ask('GET', '/api/v1/audit', session)).status).toBe(200);
    expect((await ask('GET', '/api/v1/tokens', session)).status).toBe(403);
  });

  test('a change needs the CSRF token, and the end of the session too', async () => {
    const { cookie, body } = await login(tokenOf.admin);
    const session = { cookie: cookie.split(';')[0] ?? '' };
    const wanted = { name: 'made', role: 'viewer' };
    expect((await ask('POST', '/api/v1/tokens', session, wanted)).status).toBe(403);
    expect((await ask('POST', '/api/v1/tokens', { ...session, 'x-csrf-token': 'x' }, wanted)).status).toBe(
      403,
    );
    expect((await ask('DELETE', '/api/v1/session', session)).status).toBe(403);
    const good = { ...session, 'x-csrf-token': body.csrf_token ?? '' };
    expect((await ask('POST', '/api/v1/tokens', good, wanted)).status).toBe(201);
    expect((await ask('DELETE', '/api/v1/session', good)).status).toBe(204);
    expect((await ask('GET', '/api/v1/audit', session)).status).toBe(401);
  });

  test('log-ins and failed ones are audited, without what was sent', async () => {
    await login(tokenOf.viewer);
    expect((await login('bh_guessed')).status).toBe(401);
    const page = await foundation.auditReader.list({ action: 'login*' }, { size: 10 });
    expect(page.entries.map(({ action, outcome }) => `${action} ${outcome}`).sort()).toEqual([
      'login allowed',
      'login.refused denied',
    ]);
    expect(JSON.stringify(page)).not.toContain('guessed');
  });

  test('who sends nothing is counted, and who may not is named with what was asked, each once', async () => {
    for (let turn = 0; turn < 3; turn += 1) {
      await ask('GET', '/api/v1/llms');
      await ask('GET', `/api/v1/llms/${String(turn)}`, bearer(tokenOf.metrics));
      await ask('POST', '/plugin/notes/rpc/count', bearer(tokenOf.viewer), {});
    }
    await ask('GET', '/api/v1/session');
    const missing = await foundation.auditReader.list({ action: 'login.missing' }, { size: 10 });
    expect(missing.entries).toMatchObject([
      { target: '127.0.0.1', outcome: 'denied', code: 'UNAUTHENTICATED' },
    ]);
    const refused = await foundation.auditReader.list({ action: 'role.refused' }, { size: 10 });
    const told = refused.entries.map(({ target, details }): [string, unknown] => [target ?? '', details]);
    expect(told.sort(([one], [other]) => one.localeCompare(other))).toEqual([
      ['GET /api/v1/llms/:id', { role: 'metrics', needed: 'viewer', times: 1 }],
      ['POST /plugin/:plugin/rpc/:method', { role: 'viewer', needed: 'operator', times: 1 }],
    ]);
    expect(refused.entries.every(({ actor, code }) => actor.kind === 'token' && code === 'FORBIDDEN')).toBe(
      true,
    );
  });

  test('who fails again and again is slowed down, and a good token still works', async () => {
    const answers = await Promise.all(Array.from({ length: 12 }, () => ask('GET', '/metrics', bearer('x'))));
    expect(answers.map(({ status }) => status).filter((status) => status === 429)).toHaveLength(2);
    expect((await ask('GET', '/metrics', bearer(tokenOf.metrics))).status).toBe(200);
  });
});
