import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { RpcCallerInfo } from '../contributions/rpc.js';
import type { Actor } from '../telemetry/audit.js';
import { addApi } from './api.js';
import type { Role } from './roles.js';
import { approvalRoutes } from './approval-routes.js';
import { answerErrors } from './error-answer.js';

let app: FastifyInstance;
let role: Role | undefined;
let decided: unknown[];
let called: { input: string; caller: RpcCallerInfo }[];

beforeEach(async () => {
  decided = [];
  called = [];
  role = 'operator';
  app = Fastify();
  answerErrors(app);
  addApi(app, {
    authenticate: () => {
      if (role === undefined) throw new BulkheadError(ErrorCode.UNAUTHENTICATED, 'expected a token');
      return { role, actor: { kind: 'token', id: 't' } };
    },
    routes: [
      approvalRoutes({
        list: () => Promise.resolve([]),
        get: (id) => Promise.reject(new BulkheadError(ErrorCode.NOT_FOUND, `no approval ${id}`)),
        decide: (id, decision, reason, actor: Actor) => {
          decided.push({ id, decision, reason, actor });
          return Promise.reject(new BulkheadError(ErrorCode.CONFLICT, 'it was decided'));
        },
      }),
    ],
    rpc: {
      find: (plugin, method) => {
        if (plugin !== 'notes') throw new BulkheadError(ErrorCode.NOT_FOUND, `no ${plugin}/${method}`);
        return {
          declared: { name: method, minRole: method === 'list' ? 'viewer' : 'operator' },
          call: (input, caller) => {
            called.push({ input, caller });
            return Promise.resolve('{"n":10.0}');
          },
        };
      },
    },
  });
  await app.ready();
});
afterEach(async () => {
  await app.close();
});

const post = (url: string, payload?: string) =>
  app.inject({
    method: 'POST',
    url,
    ...(payload === undefined ? {} : { payload, headers: { 'content-type': 'application/json' } }),
  });

describe('approvals over REST', () => {
  test('are decided by operators, in their name', async () => {
    expect((await app.inject('/api/v1/approvals?state=pending')).json()).toEqual({ approvals: [] });
    expect((await app.inject('/api/v1/approvals/x')).statusCode).toBe(404);
    const answer = await post('/api/v1/approvals/a1', '{"decision":"deny","reason":"no"}');
    expect([answer.statusCode, answer.json()]).toMatchObject([409, { error: { code: 'CONFLICT' } }]);
    expect(decided).toEqual([
      { id: 'a1', decision: 'deny', reason: 'no', actor: { kind: 'token', id: 't' } },
    ]);
    role = 'viewer';
    expect((await post('/api/v1/approvals/a1', '{"decision":"approve"}')).statusCode).toBe(403);
    expect((await app.inject('/api/v1/approvals')).statusCode).toBe(403);
  });

  test.each(['{"decision":"maybe"}', '{}', '[]'])('take no other decision: %s', async (body) => {
    const answer = await post('/api/v1/approvals/a1', body);
    expect(answer.statusCode).toBe(400);
  });
});

describe('RPC of a plugin', () => {
  test('takes JSON as it was written, and answers so', async () => {
    const answer = await post('/plugin/notes/rpc/approve', '{"n": 9007199254740993}');
    expect(answer.body).toBe('{"n":10.0}');
    expect(called).toMatchObject([
      {
        input: '{"n":9007199254740993}',
        caller: { actor: { kind: 'token', id: 't' }, role: 'operator' },
      },
    ]);
    await post('/plugin/notes/rpc/approve');
    expect(called[1]?.input).toBe('null');
  });

  test('needs the role that the method names', async () => {
    role = 'viewer';
    expect((await post('/plugin/notes/rpc/list')).statusCode).toBe(200);
    expect((await post('/plugin/notes/rpc/approve')).statusCode).toBe(403);
    role = undefined;
    expect((await post('/plugin/notes/rpc/list')).statusCode).toBe(401);
    expect((await post('/plugin/nobody/rpc/list')).statusCode).toBe(401);
  });

  test('is NOT_FOUND, or not JSON, in the shape of every error', async () => {
    expect((await post('/plugin/nobody/rpc/list')).json()).toMatchObject({ error: { code: 'NOT_FOUND' } });
    const bad = await post('/plugin/notes/rpc/list', '{"cut');
    expect([bad.statusCode, bad.json()]).toMatchObject([400, { error: { code: 'INVALID_ARGUMENT' } }]);
    const deep = await post('/plugin/notes/rpc/list', '['.repeat(600) + ']'.repeat(600));
    expect(deep.statusCode).toBe(400);
    expect(called).toEqual([]);
  });
});
