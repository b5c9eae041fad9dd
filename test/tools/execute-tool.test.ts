import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { ExecuteToolRequest, ExecuteToolResponse } from '@bulkhead/proto/host';
import { ExecuteToolRequest as Asked, ExecuteToolResponse as Answered } from '@bulkhead/proto/plugin';
import { readContributions, type ToolObject } from '@bulkhead/proto/rules';
import { systemClock } from '../../host/clock.js';
import type { ToolPolicy } from '../../host/config/config.js';
import { createExecuteTool } from '../../host/services/tools/execute-tool.js';
import { NO_AUDIT, type AuditEntry } from '../../host/telemetry/audit.js';
import { createContributedTools } from '../../host/tools/contributed-tools.js';
import { createHttpClient } from '../../host/tools/kinds/http-client.js';
import { createToolPolicies } from '../../host/tools/policy.js';
import { createToolReport } from '../../host/tools/tool-report.js';
import { createSchemaCheck } from '../../host/schemas/schema-check.js';
import { createToolRunner } from '../../host/tools/tool-runner.js';
import { functionHooks, type HookFunction } from '../gateway/gateway.test-support.js';
import { plugin as pluginConfig } from '../../host/lifecycle/fakes.test-support.js';

let server: Server;
let origin: string;
let seen: { method: string; url: string; headers: Record<string, unknown>; body: string }[];
let answer: (url: string) => { status?: number; headers?: Record<string, string>; body?: string };

beforeEach(async () => {
  seen = [];
  answer = () => ({ headers: { 'content-type': 'application/json' }, body: '{"big":9007199254740993}' });
  server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (part: string) => (body += part));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      seen.push({ method, url, headers, body });
      const told = answer(url);
      response.writeHead(told.status ?? 200, told.headers);
      response.end(told.body);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  origin = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const base = {
  active: true,
  metadata: {},
  etag: '1',
  created_at: '',
  updated_at: '',
};

function orders(): ToolObject {
  const input_schema = {
    type: 'object',
    required: ['id'],
    properties: { id: { type: 'string' }, n: { type: 'number' }, q: { type: 'string' } },
    additionalProperties: false,
  };
  return {
    ...base,
    id: 'orders',
    name: 'Orders',
    kind: 'http',
    headers: { authorization: 'Bearer of-the-tool', host: 'evil', 'Content-Length': '1' },
    operations: [
      {
        name: 'get',
        method: 'GET',
        url_template: `${origin}/orders/{id}`,
        input_schema,
        effect: 'read_only',
      },
      {
        name: 'put',
        method: 'PUT',
        url_template: `${origin}/orders/{id}`,
        input_schema,
        output_schema: { type: 'object', required: ['big'] },
        effect: 'state_changing',
      },
    ],
  };
}

interface Change {
  readonly hooks?: Readonly<Record<string, HookFunction>>;
  readonly expose?: Readonly<Record<string, ToolPolicy>>;
  readonly allowPrivate?: readonly string[];
  readonly objects?: readonly ToolObject[];
}

/** ExecuteTool as a plugin calls it, over objects that are fakes. */
function executor({
  hooks = {},
  expose = {},
  allowPrivate = ['127.0.0.1'],
  objects = [orders()],
}: Change = {}) {
  const policies = createToolPolicies({ expose });
  const audited: AuditEntry[] = [];
  const events: { topic: string; dataJson: string }[] = [];
  const audit = { ...NO_AUDIT, note: (entry: AuditEntry) => void audited.push(entry) };
  const plugin = {
    config: {
      ...pluginConfig('notes'),
      manifest: {
        ...pluginConfig('notes').manifest,
        contributions: readContributions({
          contributes: { tools: [{ name: 'add', input: { type: 'object' } }] },
        }),
      },
    },
    port: {
      name: 'notes',
      serving: true,
      invoke: () => Promise.reject(new Error('no hook')),
      invokeBatch: () => Promise.reject(new Error('no hook')),
      call: (_path: string, body: Uint8Array) =>
        Promise.resolve(
          Answered.encode({ resultJson: JSON.stringify({ got: Asked.decode(body).argsJson }) }).finish(),
        ),
    },
  };
  const runner = createToolRunner({
    hooks: functionHooks(hooks),
    policies: () => policies,
    approvals: {
      require: () => Promise.reject(new BulkheadError(ErrorCode.APPROVAL_PENDING, 'waits', { field: 'a1' })),
    },
    clock: systemClock,
    schemas: createSchemaCheck({ clock: systemClock }),
    report: createToolReport({
      audit,
      clock: systemClock,
      log: { warn: () => {} },
      events: { publish: (event) => Promise.resolve(String(events.push(event))) },
    }),
  });
  const handle = createExecuteTool({
    runner,
    objects: {
      get: (id) => {
        const found = objects.find((object) => object.id === id);
        return found === undefined
          ? Promise.reject(new BulkheadError(ErrorCode.NOT_FOUND, `no tool '${id}'`))
          : Promise.resolve(found);
      },
    },
    upstreams: { get: () => undefined },
    contributed: createContributedTools(
      () => [plugin],
      () => policies,
    ),
    http: createHttpClient({ allowPrivate: () => allowPrivate, setting: 'tools.allow_private' }),
  });
  return {
    audited,
    events,
    async call(toolId: string, operation: string, argsJson = '{"id":"7"}') {
      const body = ExecuteToolRequest.encode({ toolId, operation, argsJson, approvalId: '' }).finish();
      const bytes = await handle(body, {
        plugin: {
          name: 'agent',
          id: 'test.agent',
          version: '1.0.0',
          pid: 1,
          grantedScopes: ['tools.execute'],
        },
        timeoutMs: 0,
        traceparent: '',
        signal: new AbortController().signal,
      });
      const { resultJson, isError } = ExecuteToolResponse.decode(bytes);
      return { resultJson, isError };
    },
  };
}

describe('ExecuteTool of an HTTP tool', () => {
  test('fills the URL, sends the rest as query or JSON body, and keeps numbers exact', async () => {
    const { call, audited } = executor();
    const got = await call('orders', 'get', '{"id":"a/b","n":9007199254740993,"q":"x&y"}');
    expect(got).toMatchObject({ isError: false, resultJson: expect.stringContaining('9007199254740993') });
    await call('orders', 'put', '{"id":"7","n":1.50}');
    expect(seen).toMatchObject([
      {
        method: 'GET',
        url: '/orders/a%2Fb?n=9007199254740993&q=x%26y',
        headers: { authorization: 'Bearer of-the-tool', host: origin.slice('http://'.length) },
      },
      { method: 'PUT', url: '/orders/7', body: '{"n":1.50}' },
    ]);
    expect(audited).toMatchObject([
      {
        action: 'tool.invoke',
        target: 'tool/orders/get',
        outcome: 'allowed',
        actor: { kind: 'plugin', id: 'agent' },
      },
      { target: 'tool/orders/put' },
    ]);
    expect(JSON.stringify(audited)).not.toContain('of-the-tool');
  });

  test('checks input before and output after', async () => {
    const { call } = executor();
    await expect(call('orders', 'get', '{"n":1}')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(call('orders', 'get', '{"id":".."}')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(call('orders', 'get', '[1]')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(seen).toEqual([]);
    answer = () => ({ headers: { 'content-type': 'application/json' }, body: '{"small":1}' });
    await expect(call('orders', 'put')).rejects.toMatchObject({ code: 'TOOL_FAILED' });
    answer = () => ({ headers: { 'content-type': 'application/json' }, body: '{"cut' });
    await expect(call('orders', 'get')).rejects.toMatchObject({ code: 'TOOL_FAILED' });
    answer = () => ({ body: 'x'.repeat(2 * 1024 * 1024) });
    await expect(call('orders', 'get')).rejects.toMatchObject({ code: 'TOOL_FAILED' });
    answer = () => ({ status: 500, body: 'broken' });
    expect(await call('orders', 'get')).toMatchObject({
      isError: true,
      resultJson: expect.stringContaining('HTTP 500: broken'),
    });
  });

  test('goes nowhere but to the public internet unless the operator says so, and to no other origin', async () => {
    const closed = executor({ allowPrivate: [] });
    await expect(closed.call('orders', 'get')).rejects.toMatchObject({
      code: 'TOOL_FAILED',
      message: expect.stringContaining('tools.allow_private'),
    });
    expect(seen).toEqual([]);
    const { call } = executor();
    answer = (url) =>
      url === '/there' ? { body: 'arrived' } : { status: 302, headers: { location: '/there' } };
    expect(await call('orders', 'get')).toMatchObject({ resultJson: expect.stringContaining('arrived') });
    await expect(call('orders', 'put')).rejects.toMatchObject({ message: expect.stringContaining('PUT') });
    answer = () => ({ status: 302, headers: { location: 'http://localhost:1/' } });
    await expect(call('orders', 'get')).rejects.toMatchObject({
      message: expect.stringContaining('another origin'),
    });
  });
});

describe('ExecuteTool', () => {
  test('passes the same hooks and policy as any call of a tool', async () => {
    const denied = executor({
      hooks: {
        tool_pre_invoke: ({ name }) => ({
          deny: { code: 'NOT_YOURS', reason: `no ${String(name)}`, http_status_code: 451 },
        }),
      },
    });
    await expect(denied.call('orders', 'get')).rejects.toMatchObject({
      code: 'DENIED',
      message: 'no get',
      violation: { code: 'NOT_YOURS', httpStatus: 451 },
    });
    expect(denied.audited).toMatchObject([{ outcome: 'denied', code: 'NOT_YOURS' }]);
    const ruled = executor({ expose: { 'orders/get': 'deny', 'orders/put': 'require_approval' } });
    await expect(ruled.call('orders', 'get')).rejects.toMatchObject({ code: 'TOOL_DENIED' });
    await expect(ruled.call('orders', 'put')).rejects.toMatchObject({ code: 'APPROVAL_PENDING' });
    expect(seen).toEqual([]);
  });

  test('a hook that names another tool gets by no policy', async () => {
    const { call } = executor({
      hooks: { tool_pre_invoke: () => ({ modify: { name: 'put' } }) },
      expose: { 'orders/put': 'deny' },
    });
    await expect(call('orders', 'get')).rejects.toMatchObject({ code: 'TOOL_DENIED' });
    const gone = executor({ hooks: { tool_pre_invoke: () => ({ modify: { name: 'nothing' } }) } });
    await expect(gone.call('orders', 'get')).rejects.toMatchObject({ code: 'INVALID_ANSWER' });
  });

  test('reaches a plugin tool only when it is listed, and tells subscribers of the call', async () => {
    const object: ToolObject = {
      ...base,
      id: 'n',
      name: 'N',
      kind: 'plugin',
      plugin: 'notes',
      operations: [{ name: 'write', target: 'add', effect: 'state_changing' }],
    };
    const closed = executor({ objects: [object] });
    await expect(closed.call('n', 'write', '{}')).rejects.toMatchObject({ code: 'TOOL_DENIED' });
    const { call, events } = executor({ objects: [object], expose: { 'notes/add': 'allow' } });
    expect(JSON.parse((await call('n', 'write', '{"b":1.0}')).resultJson)).toMatchObject({
      structuredContent: { got: '{"b":1.0}' },
    });
    expect(events.map(({ topic }) => topic)).toEqual(['plugin_tool.invoked']);
    expect(JSON.parse(events[0]?.dataJson ?? '')).toMatchObject({
      plugin: 'notes',
      tool: 'add',
      scope: 'tools.execute',
      caller: 'plugin/agent',
      outcome: 'ok',
      policy: { tool: 'notes/add', policy: 'allow', listed: true },
      call_id: expect.any(String),
      duration_ms: expect.any(Number),
    });
  });

  test('says what is not there', async () => {
    const mcp: ToolObject = {
      ...base,
      id: 'm',
      name: 'M',
      kind: 'mcp',
      server: 'gone',
      operations: [{ name: 'a', effect: 'read_only' }],
    };
    const off: ToolObject = { ...orders(), id: 'off', active: false };
    const { call } = executor({ objects: [orders(), mcp, off] });
    await expect(call('nothing', 'get')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(call('orders', 'nothing')).rejects.toMatchObject({
      message: expect.stringContaining('get, put'),
    });
    await expect(call('m', 'a')).rejects.toMatchObject({ code: 'UPSTREAM_NOT_FOUND' });
    await expect(call('off', 'get')).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });
});
