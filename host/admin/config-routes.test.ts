import Fastify, { type FastifyInstance } from 'fastify';
import { expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../clock.js';
import { plugin, resolve } from '../config/config.test-support.js';
import type { LoadedConfig } from '../config/loaded-config.js';
import { NOTHING_STORED, type Stored } from '../config/stored.js';
import { TEST_SEAL } from '../stored-config/seal.test-support.js';
import { createConfigLayer, layerOf } from '../stored-config/config-layer.js';
import { describeEachStore, type StoreOfTest } from '../store/each-store.test-support.js';
import { NO_AUDIT } from '../telemetry/audit.js';
import { addApi } from './api.js';
import type { Role } from './roles.js';
import { configRoutes } from './config-routes.js';
import { answerErrors } from './error-answer.js';

const guard = plugin({
  name: 'guard',
  config_schema: {
    type: 'object',
    properties: { level: { type: 'integer', default: 1 }, token: { type: 'string', writeOnly: true } },
  },
});
const PATH = '/api/v1/config/plugins/guard';

async function serve(the: StoreOfTest, role: Role = 'admin'): Promise<FastifyInstance> {
  const loadWith = (layer: Stored['layer']): Promise<LoadedConfig> =>
    resolve(
      { plugins: { guard: {} } },
      { plugins: [guard], stored: async () => ({ ...NOTHING_STORED, layer }) },
    );
  const layer = createConfigLayer({
    store: await the.open(),
    clock: { ...systemClock, now: () => Date.parse('2026-01-02T03:04:05Z') },
    audit: NO_AUDIT,
    writes: () => 'allow',
    seal: TEST_SEAL,
    check: async (candidate) => (await loadWith(candidate)).config.plugins,
  });
  let loaded = await loadWith(new Map());
  const app = Fastify();
  onTestFinished(() => app.close());
  answerErrors(app);
  const apply = async (): Promise<void> => {
    loaded = await loadWith(layerOf(await layer.entries(), TEST_SEAL));
  };
  addApi(app, {
    routes: [configRoutes({ layer, loaded: () => loaded, apply })],
    authenticate: () => ({ actor: { kind: 'token', id: 'ada' }, role }),
  });
  return app;
}

describeEachStore('/api/v1/config/plugins', (the) => {
  it('shows what is set and what is in force, without secrets', async () => {
    const app = await serve(the);
    const body = { set: { config: { level: 2, token: 's3cret' } } };
    const changed = await app.inject({ method: 'PATCH', url: PATH, body });
    expect(changed.statusCode).toBe(200);
    const { headers, body: text } = await app.inject(PATH);
    expect(headers['etag']).toBe('"1"');
    expect(text).not.toContain('s3cret');
    const by = { by: 'token:ada', at: '2026-01-02T03:04:05.000Z' };
    const origin = { layer: 'store', ...by };
    const answer: { readonly effective: readonly unknown[] } = JSON.parse(text);
    expect(answer).toMatchObject({
      name: 'guard',
      version: 1,
      set: [
        { path: ['config', 'level'], value: 2, ...by },
        { path: ['config', 'token'], value: '***', ...by },
      ],
    });
    expect(answer.effective).toContainEqual({ key: 'config.level', value: '2', origin });
    expect(answer.effective).toContainEqual({ key: 'config.token', value: '***', origin });
  });

  it('changes only what the caller has seen, when it says so', async () => {
    const app = await serve(the);
    const patch = (level: number, etag: string) =>
      app.inject({
        method: 'PATCH',
        url: PATH,
        headers: { 'if-match': etag },
        body: { set: { config: { level } } },
      });
    expect((await patch(2, '"0"')).headers['etag']).toBe('"1"');
    expect((await patch(3, '"0"')).json()).toMatchObject({ error: { code: 'CONFLICT' } });
    expect((await patch(3, 'W/x')).json()).toMatchObject({ error: { code: 'INVALID_ARGUMENT' } });
    expect((await patch(3, '*')).headers['etag']).toBe('"2"');
  });

  it('says every problem of a change that is not valid, and what a body must be', async () => {
    const app = await serve(the);
    const patch = async (body: object): Promise<unknown> =>
      (await app.inject({ method: 'PATCH', url: PATH, body })).json();
    expect(await patch({ set: { config: { level: 'high' }, mode: 'sideways' } })).toMatchObject({
      error: {
        code: 'CONFIG_INVALID',
        problems: [{ path: 'plugins.guard.mode' }, { path: 'plugins.guard.config.level' }],
      },
    });
    expect(await patch({})).toMatchObject({ error: { code: 'USAGE' } });
    expect(await patch({ put: {} })).toMatchObject({ error: { code: 'INVALID_ARGUMENT' } });
  });

  it('is for admins, and for entries that there are', async () => {
    expect((await (await serve(the, 'operator')).inject(PATH)).statusCode).toBe(403);
    const app = await serve(the);
    expect((await app.inject('/api/v1/config/plugins/nobody')).statusCode).toBe(404);
  });
});
