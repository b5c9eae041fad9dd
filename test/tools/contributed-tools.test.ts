import { describe, expect, test } from 'vitest';
import { connectClient, textOf } from '../gateway/clients.test-support.js';
import { everythingUpstream } from '../gateway/gateway.test-support.js';
import { KEY } from './app-key.test-support.js';
import { contributing, runHost, type HostChange, type RunningHost } from './tools.test-support.js';

const AS_SHOP = { headers: { authorization: `Bearer ${KEY}` } };
const OPERATOR = { kind: 'cli', id: 'eva' } as const;

async function names(client: {
  request(method: string): Promise<Record<string, unknown>>;
}): Promise<string[]> {
  const { tools } = await client.request('tools/list');
  return (tools as { name: string }[]).map(({ name }) => name);
}

async function open(change: HostChange = {}) {
  const running = await runHost(change);
  const client = await connectClient('second line, sessions', `${running.url}/mcp`, AS_SHOP);
  return {
    running,
    client,
    call: (name: string, args: object = {}, options = {}) =>
      client.request('tools/call', { name, arguments: { ...args } }, options),
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await running[Symbol.asyncDispose]();
    },
  };
}

const approvalsOf = ({ host }: RunningHost) => host.services.toolbox.approvals;

/** The id of the one approval that waits, once there is one. */
async function pending(running: RunningHost): Promise<string> {
  const waiting = await expect
    .poll(() => approvalsOf(running).list('pending'), { timeout: 10_000 })
    .toHaveLength(1)
    .then(() => approvalsOf(running).list('pending'));
  return waiting[0]?.id ?? '';
}

describe('a tool that a plugin contributes', () => {
  test('does not exist until an operator lists it, and comes with list_changed', async () => {
    await using at = await open();
    expect(await names(at.client)).toEqual([]);
    await expect(at.call('notes__add', { text: 'x' })).rejects.toMatchObject({ code: -32_602 });
    await at.running.expose({ 'notes/add': 'allow', 'notes/peek': 'deny' });
    await expect
      .poll(() => at.client.notices.map(({ method }) => method))
      .toContain('notifications/tools/list_changed');
    const { tools } = await at.client.request('tools/list');
    expect(tools).toMatchObject([
      {
        name: 'notes__add',
        description: 'Keeps a note.',
        inputSchema: { type: 'object', required: ['text'] },
        outputSchema: { type: 'object', required: ['args'] },
        annotations: { readOnlyHint: false },
      },
    ]);
    await expect(at.call('notes__peek')).rejects.toMatchObject({ code: -32_602 });
  });

  test('runs with its arguments as they were written, for the app that called', async () => {
    await using at = await open({ expose: { 'notes/add': 'allow' } });
    const result = await at.call('notes__add', { text: 'hi', n: 1.5 });
    expect(result['structuredContent']).toEqual({
      args: '{"text":"hi","n":1.5}',
      app: 'shop',
      server: 'notes',
    });
  });

  test('gets no arguments that its schema does not allow', async () => {
    await using at = await open({ expose: { 'notes/add': 'allow' } });
    for (const args of [{}, { text: 1 }, { text: 'x', more: true }, { text: 'x'.repeat(21) }]) {
      const result = await at.call('notes__add', args);
      expect(result).toMatchObject({ isError: true });
      expect(textOf(result)).toContain('INVALID_ARGUMENT');
    }
  });

  test.each([
    ['wrong', /TOOL_FAILED.*id: expected/],
    ['huge', /TOOL_FAILED.*more than 1048576 bytes/],
    ['garbage', /TOOL_FAILED.*not JSON/],
    ['throwing', /PLUGIN_ERROR.*the notebook is full/],
  ])(
    'that answers as %s does is an error for its caller, and no harm to the next call',
    async (name, text) => {
      await using at = await open({ expose: { [`notes/${name}`]: 'allow', 'notes/peek': 'allow' } });
      const result = await at.call(`notes__${name}`);
      expect(result).toMatchObject({ isError: true });
      expect(textOf(result)).toMatch(text);
      expect(result).not.toHaveProperty('structuredContent');
      expect(await at.call('notes__peek')).toMatchObject({ structuredContent: { pid: expect.any(Number) } });
    },
  );

  test('of a plugin that is disabled is gone', async () => {
    await using at = await open({ expose: { 'notes/peek': 'allow' } });
    expect(await names(at.client)).toEqual(['notes__peek']);
    await at.running.host.disable('notes');
    expect(await names(at.client)).toEqual([]);
    await expect(at.call('notes__peek')).rejects.toMatchObject({ code: -32_602 });
  });
});

describe('a call that needs approval', () => {
  test('waits with progress, and runs once an operator approved it', async () => {
    await using at = await open({ expose: { 'notes/add': 'require_approval' } });
    const progress = Promise.withResolvers<unknown>();
    const call = at.call('notes__add', { text: 'x' }, { onprogress: progress.resolve });
    expect(await progress.promise).toMatchObject({ message: expect.stringContaining('approval') });
    const id = await pending(at.running);
    await approvalsOf(at.running).decide(id, 'approve', '', OPERATOR);
    expect(await call).toMatchObject({ structuredContent: { args: '{"text":"x"}' } });
    expect(await approvalsOf(at.running).get(id)).toMatchObject({ state: 'used', app_id: 'shop' });
  });

  test('is APPROVAL_PENDING after the wait; approved then, the same call runs once', async () => {
    await using at = await open({
      expose: { 'notes/add': 'require_approval' },
      tools: { approval_wait_ms: 0 },
    });
    const refused = at.call('notes__add', { text: 'x', n: 1 });
    await expect(refused).rejects.toMatchObject({
      code: -32_053,
      data: { code: 'APPROVAL_PENDING', approval_id: expect.any(String) },
    });
    await approvalsOf(at.running).decide(await pending(at.running), 'approve', '', OPERATOR);
    // Another call is not what was approved.
    await expect(at.call('notes__add', { text: 'y', n: 1 })).rejects.toMatchObject({ code: -32_053 });
    expect(await at.call('notes__add', { n: 1, text: 'x' })).toMatchObject({ structuredContent: {} });
    await expect(at.call('notes__add', { text: 'x', n: 1 })).rejects.toMatchObject({ code: -32_053 });
  });

  test('may be one of an upstream server, which policy can deny too', async () => {
    const { command, args } = everythingUpstream() as { command: string; args: readonly string[] };
    await using at = await open({
      mcp_servers: { everything: { command, args } },
      expose: { 'everything/echo': 'require_approval', 'everything/get-sum': 'deny' },
      plugins: {},
    });
    const listed = await names(at.client);
    expect(listed).toContain('everything__echo');
    expect(listed).not.toContain('everything__get-sum');
    const single = await connectClient('first line', `${at.running.url}/mcp/everything`, AS_SHOP);
    expect(await names(single)).not.toContain('get-sum');
    for (const [client, name] of [
      [at.client, 'everything__get-sum'],
      [single, 'get-sum'],
    ] as const)
      await expect(client.request('tools/call', { name, arguments: { a: 1, b: 2 } })).rejects.toMatchObject({
        code: -32_050,
        data: { code: 'TOOL_DENIED' },
      });
    await single[Symbol.asyncDispose]();
    const call = at.call('everything__echo', { message: 'hi' });
    const id = await pending(at.running);
    await approvalsOf(at.running).decide(id, 'deny', 'not today', OPERATOR);
    await expect(call).rejects.toMatchObject({
      code: -32_050,
      data: { code: 'APPROVAL_DENIED', approval_id: id },
    });
  });
});

describe('tools of two entries of one plugin', () => {
  test('are two tools, each under its own policy', async () => {
    await using at = await open({
      plugins: { one: contributing(), two: contributing() },
      expose: { 'one/peek': 'allow', 'two/peek': 'deny' },
    });
    expect(await names(at.client)).toEqual(['one__peek']);
  });
});
