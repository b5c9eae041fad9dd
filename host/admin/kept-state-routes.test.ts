import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../clock.test-support.js';
import { DEFAULT_SERVICE_BOUNDS } from '../config/service-bounds.js';
import { createKeptState, type KeptState } from '../services/kept-state.js';
import { describeEachStore } from '../store/each-store.test-support.js';
import { HOST_ACTOR, NO_AUDIT } from '../telemetry/audit.js';
import { createSilentLogger } from '../telemetry/logger.js';
import { addApi } from './api.js';
import type { Role } from './roles.js';
import { answerErrors } from './error-answer.js';
import { keptStateRoutes } from './kept-state-routes.js';

describeEachStore('what plugins keep, over the API', (the) => {
  let app: FastifyInstance;
  let state: KeptState;
  let role: Role;

  beforeEach(async () => {
    role = 'admin';
    state = createKeptState({
      configured: () => [],
      store: await the.open(),
      clock: new FakeClock(Date.parse('2026-01-01T00:00:00Z')),
      log: createSilentLogger(),
      audit: NO_AUDIT,
      active: () => [],
      bounds: () => DEFAULT_SERVICE_BOUNDS,
    });
    app = Fastify();
    answerErrors(app);
    addApi(app, {
      routes: keptStateRoutes(state),
      authenticate: () => ({ role, actor: { kind: 'token', id: 't' } }),
    });
    await app.ready();
  });
  afterEach(async () => {
    await app.close();
    await state.stop();
  });

  const get = async (path: string) => {
    const answer = await app.inject(`/api/v1${path}`);
    return { status: answer.statusCode, body: answer.json<unknown>() };
  };

  describe('keys', () => {
    beforeEach(async () => {
      for (const key of ['a/1', 'a/2', 'b'])
        await state.kv.set('p', { key, value: Buffer.from('secret'), encoding: 0, ttlMs: 0 });
    });

    test('are listed by prefix and page, without a value', async () => {
      const first = await get('/plugins/p/kv?prefix=a/&page_size=1');
      expect(first).toMatchObject({
        status: 200,
        body: { keys: [{ key: 'a/1', bytes: 6, expires_at: null }], next_page_token: expect.any(String) },
      });
      expect(JSON.stringify(first)).not.toContain('secret');
      const all = await get('/plugins/p/kv');
      expect(all.body).toMatchObject({ keys: [{}, {}, {}], next_page_token: '' });
    });

    test('are not for viewers; an admin clears them', async () => {
      role = 'viewer';
      expect((await get('/plugins/p/kv')).status).toBe(403);
      role = 'operator';
      const clear = async () => app.inject({ method: 'DELETE', url: '/api/v1/plugins/p/kv' });
      expect((await clear()).statusCode).toBe(403);
      role = 'admin';
      expect((await clear()).json()).toEqual({ keys: 3 });
      expect((await get('/plugins/p/kv')).body).toMatchObject({ keys: [] });
    });
  });

  test('subscriptions show what waits, and an admin ends one that nobody serves any more', async () => {
    await state.events.subscriptions.subscribe('gone', 'a.*', HOST_ACTOR);
    await state.events.outbox.publish({ topic: 'a.b', dataJson: '{}' });
    expect((await get('/events/subscriptions?plugin=gone')).body).toEqual({
      subscriptions: [
        { plugin: 'gone', pattern: 'a.*', backlog: 1, dropped: 0, created_at: '2026-01-01T00:00:00.000Z' },
      ],
    });
    const ended = await app.inject({
      method: 'DELETE',
      url: '/api/v1/plugins/gone/events/subscriptions?pattern=a.*',
    });
    expect(ended.statusCode).toBe(204);
    expect((await get('/events/subscriptions')).body).toEqual({ subscriptions: [] });
  });

  test('a schedule that is not there, and bad parameters, say so', async () => {
    const run = await app.inject({ method: 'POST', url: '/api/v1/schedules/p/none/run' });
    expect([run.statusCode, run.json()]).toMatchObject([404, { error: { code: 'NOT_FOUND' } }]);
    expect((await get('/schedules')).body).toEqual({ schedules: [] });
    expect((await get('/schedules/p/none/runs')).body).toEqual({ runs: [], next_page_token: '' });
    expect((await get('/schedules/p/none/runs?page_size=5000')).status).toBe(400);
  });
});
