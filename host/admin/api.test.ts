import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, describe, expect, test } from 'vitest';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { addApi, type ApiRoutes } from './api.js';
import type { Role } from './roles.js';
import { answerErrors } from './error-answer.js';

let app: FastifyInstance;
afterEach(async () => {
  await app.close();
});

async function open(routes: ApiRoutes, role?: Role): Promise<void> {
  app = Fastify();
  answerErrors(app);
  addApi(app, {
    routes: [routes],
    authenticate: () => {
      if (role === undefined) throw new BulkheadError(ErrorCode.UNAUTHENTICATED, 'expected a token');
      return { role, actor: { kind: 'token', id: 't' } };
    },
  });
  await app.ready();
}

const change: ApiRoutes = (api) => {
  api.post('/things', { config: { role: 'operator' } }, ({ caller }) => ({ by: caller.actor.id }));
};

describe('the API of the control plane', () => {
  test.each([
    ['viewer', 403],
    ['operator', 200],
    ['admin', 200],
    [undefined, 401],
  ] as const)('a route for operators answers %s with %i', async (role, status) => {
    await open(change, role);
    expect((await app.inject({ method: 'POST', url: '/api/v1/things' })).statusCode).toBe(status);
  });

  test('does not serve a route that names no role', async () => {
    await expect(
      open((api) => {
        api.get('/open', () => 'x');
      }, 'admin'),
    ).rejects.toMatchObject({ code: 'INTERNAL' });
  });

  test('says whose denial it was', async () => {
    await open((api) => {
      api.get('/denied', { config: { role: 'viewer' } }, () => {
        throw new BulkheadError(ErrorCode.DENIED, 'the vendor is not allowed', {
          violation: { plugin: 'validator', code: 'VENDOR_NOT_ALLOWED' },
        });
      });
    }, 'viewer');
    const answer = await app.inject('/api/v1/denied');
    expect(answer.statusCode).toBe(422);
    expect(answer.json()).toMatchObject({
      error: {
        code: 'DENIED',
        message: 'the vendor is not allowed',
        violation: { plugin: 'validator', code: 'VENDOR_NOT_ALLOWED' },
      },
    });
  });
});
