import { describe, expect, test } from 'vitest';
import { ErrorCode } from '@bulkhead/proto';
import { connectClient, textOf } from './clients.test-support.js';
import {
  functionHooks,
  httpUpstream,
  rawUpstream,
  runGateway,
  startRawHttp,
  type HookFunction,
  type RunOptions,
} from './gateway.test-support.js';

const VIOLATION = {
  code: 'TOOL_NOT_ALLOWED',
  reason: 'Tool is not on the list',
  description: 'Ask for it.',
  details: { list: 'internal' },
};

const deny: HookFunction = () => ({ deny: VIOLATION });

async function open(hooks: Readonly<Record<string, HookFunction>>, options: RunOptions = {}) {
  const running = await runGateway({ upstreams: [rawUpstream()], hooks: functionHooks(hooks), ...options });
  const client = await connectClient('second line, sessions', `${running.url}/mcp`);
  return {
    running,
    client,
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await running[Symbol.asyncDispose]();
    },
  };
}

const CALLS = [
  ['tool_pre_invoke', 'tools/call', { name: 'raw__see' }],
  ['tool_post_invoke', 'tools/call', { name: 'raw__see' }],
  ['prompt_pre_fetch', 'prompts/get', { name: 'raw__greet' }],
  ['prompt_post_fetch', 'prompts/get', { name: 'raw__greet' }],
  ['resource_pre_fetch', 'resources/read', { uri: 'raw://one' }],
  ['resource_post_fetch', 'resources/read', { uri: 'raw://one' }],
] as const;

describe('a denial through MCP', () => {
  test.each(CALLS)(
    'in %s is a JSON-RPC error with the reason and what the caller may know',
    async (hook, method, params) => {
      await using at = await open({ [hook]: deny });
      const call = at.client.request(method, params);
      await expect(call).rejects.toMatchObject({
        code: -32_050,
        message: expect.stringContaining('TOOL_NOT_ALLOWED: Tool is not on the list'),
        data: {
          code: 'TOOL_NOT_ALLOWED',
          description: 'Ask for it.',
          plugin: 'guard',
          request_id: expect.any(String),
        },
      });
      await expect(call).rejects.not.toHaveProperty('data.details');
    },
  );

  test('has the code that the violation names', async () => {
    await using at = await open({
      tool_pre_invoke: () => ({ deny: { ...VIOLATION, mcp_error_code: -32_099 } }),
    });
    await expect(at.client.request('tools/call', { name: 'raw__see' })).rejects.toMatchObject({
      code: -32_099,
    });
  });

  test('shows details when the operator says so', async () => {
    await using at = await open({ tool_pre_invoke: deny }, { exposeViolationDetails: true });
    const call = at.client.request('tools/call', { name: 'raw__see' });
    await expect(call).rejects.toMatchObject({ data: { details: { list: 'internal' } } });
  });

  test('is a result with isError under deny_as: result, for tools only', async () => {
    await using at = await open({ tool_pre_invoke: deny, prompt_pre_fetch: deny }, { denyAs: 'result' });
    const result = await at.client.request('tools/call', { name: 'raw__see' });
    expect(result).toMatchObject({
      isError: true,
      content: [{ type: 'text', text: 'TOOL_NOT_ALLOWED: Tool is not on the list' }],
      _meta: { 'bulkhead/denial': { code: 'TOOL_NOT_ALLOWED', plugin: 'guard' } },
    });
    await expect(at.client.request('prompts/get', { name: 'raw__greet' })).rejects.toMatchObject({
      code: -32_050,
    });
  });

  test('of a guard that is down names the error', async () => {
    await using at = await open({ tool_pre_invoke: () => ({ fail: ErrorCode.PLUGIN_UNAVAILABLE }) });
    const call = at.client.request('tools/call', { name: 'raw__see' });
    await expect(call).rejects.toMatchObject({
      code: -32_050,
      data: { code: 'PLUGIN_UNAVAILABLE', plugin: 'guard' },
    });
  });

  test('by a missing permission names the tool by its server', async () => {
    const hooks = functionHooks({
      http_auth_check_permission: () => ({ modify: { granted: false, reason: 'not you' } }),
    });
    await using at = await open({}, { hooks });
    const call = at.client.request('tools/call', { name: 'raw__see' });
    await expect(call).rejects.toMatchObject({
      code: -32_050,
      message: expect.stringContaining('not you'),
      data: { code: 'FORBIDDEN' },
    });
    expect(hooks.seen[0]?.payload).toEqual({
      user: { id: 'anonymous' },
      permission: 'tools.execute',
      resource: 'raw/see',
      reason: '',
    });
  });

  test('without an opinion on the permission is none', async () => {
    await using at = await open({ http_auth_check_permission: () => {} });
    expect(textOf(await at.client.request('tools/call', { name: 'raw__see' }))).toContain('see');
  });
});

describe('hooks on the way', () => {
  test('see the upstream’s own name and its server, and the caller’s headers without credentials', async () => {
    const hooks = functionHooks({ tool_pre_invoke: () => {}, tool_post_invoke: () => {} });
    await using at = await open({}, { hooks });
    await at.client.request('tools/call', { name: 'raw__see', arguments: { a: 1 } });
    const [before, after] = hooks.seen;
    expect(before?.payload).toMatchObject({
      name: 'see',
      args: { a: 1 },
      headers: { 'content-type': 'application/json' },
    });
    expect(before?.payload['headers']).not.toHaveProperty('mcp-session-id');
    expect(before?.context).toMatchObject({ serverId: 'raw', contentType: 'application/json' });
    expect(after?.payload).toMatchObject({ name: 'see', result: { content: [{ type: 'text' }] } });
    expect(after?.context.requestId).toBe(before?.context.requestId);
  });

  test('may change arguments, the tool within its server, and the result', async () => {
    await using at = await open({
      tool_pre_invoke: () => ({ modify: { name: 'see', args: { masked: true } } }),
      tool_post_invoke: ({ result }) => ({ modify: { result: { ...(result as object), added: 1 } } }),
    });
    const result = await at.client.request('tools/call', { name: 'raw__fail', arguments: { secret: 1 } });
    expect(result['added']).toBe(1);
    expect(JSON.parse(JSON.parse(textOf(result)) as string)).toMatchObject({
      params: { name: 'see', arguments: { masked: true } },
    });
  });

  test('may change a prompt’s arguments and a resource’s URI', async () => {
    await using at = await open({
      prompt_pre_fetch: () => ({ modify: { args: { tone: 'mild' } } }),
      resource_pre_fetch: () => ({ modify: { uri: 'raw://item/9' } }),
    });
    expect(JSON.stringify(await at.client.request('prompts/get', { name: 'raw__greet' }))).toContain('mild');
    expect(JSON.stringify(await at.client.request('resources/read', { uri: 'raw://one' }))).toContain(
      'raw://item/9',
    );
  });

  test('end with the answer: the state of the request can go', async () => {
    const hooks = functionHooks({ tool_pre_invoke: () => {} });
    await using at = await open({}, { hooks });
    await at.client.request('tools/call', { name: 'raw__see' });
    await expect.poll(() => hooks.ended).toContain(hooks.seen[0]?.context.requestId);
  });

  test('may add headers to the request that goes to an HTTP upstream; the client’s own stay here', async () => {
    const server = await startRawHttp();
    try {
      const { url } = server;
      await using at = await open(
        {
          tool_pre_invoke: ({ headers }) => ({
            modify: { headers: { ...(headers as object), 'x-plugin': 'yes' } },
          }),
        },
        { upstreams: [httpUpstream('raw', url, { authorization: 'Bearer operator' })] },
      );
      const seen: unknown = JSON.parse(
        textOf(await at.client.request('tools/call', { name: 'raw__headers' })),
      );
      expect(seen).toMatchObject({ 'x-plugin': 'yes', authorization: 'Bearer operator' });
      expect(seen).not.toHaveProperty('x-request-id');
    } finally {
      await server.kill();
    }
  });

  test('do not run for an upstream that is down', async () => {
    const hooks = functionHooks({ tool_pre_invoke: () => {} });
    const down = { ...rawUpstream('down'), command: '/nonexistent/server' } as ReturnType<typeof rawUpstream>;
    await using at = await open({}, { hooks, upstreams: [down] });
    await expect(at.client.request('tools/call', { name: 'down__see' })).rejects.toMatchObject({
      code: -32_051,
    });
    expect(hooks.seen).toEqual([]);
  });
});
