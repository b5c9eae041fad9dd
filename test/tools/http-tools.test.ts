import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connectClient, textOf } from '../gateway/clients.test-support.js';
import { KEY } from './app-key.test-support.js';
import { runHost, type HostChange, type RunningHost } from './tools.test-support.js';

const AS_SHOP = { headers: { authorization: `Bearer ${KEY}` } };
const ANN = { kind: 'cli', id: 'ann' } as const;
const TOOLS = { allow_private: ['127.0.0.1'], approval_wait_ms: 50 };
const CALL = { name: 'orders__get_order', arguments: { id: 7 } };

let server: Server;
let origin: string;
beforeEach(async () => {
  server = createServer(({ url, headers }, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ url, key: headers['x-key'] }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const orders = (change: object = {}) => ({
  id: 'orders',
  name: 'Orders',
  description: 'What customers bought.',
  kind: 'http',
  headers: { 'x-key': 's3cret' },
  operations: [
    {
      name: 'get_order',
      method: 'GET',
      url_template: `${origin}/orders/{id}`,
      input_schema: { type: 'object', required: ['id'], properties: { id: { type: 'integer' } } },
      effect: 'read_only',
    },
    { name: 'drop', method: 'POST', url_template: `${origin}/drop`, effect: 'state_changing' },
  ],
  ...change,
});

const run = (change: HostChange = {}): Promise<RunningHost> =>
  runHost({ plugins: {}, tools: TOOLS, ...change });
const objectsOf = ({ host }: RunningHost) => host.services.objects.tool;
const client = (at: RunningHost, era: Parameters<typeof connectClient>[0] = 'second line, sessions') =>
  connectClient(era, `${at.url}/mcp`, AS_SHOP);
const namesOf = async (mcp: Awaited<ReturnType<typeof client>>): Promise<readonly string[]> =>
  ((await mcp.request('tools/list')) as { tools: readonly { name: string }[] }).tools.map(({ name }) => name);

describe('an HTTP tool object, in /mcp', () => {
  test('is listed with its operations and called by their names, as it is by then', async () => {
    await using at = await run();
    await using mcp = await client(at);
    expect(await namesOf(mcp)).toEqual([]);
    await objectsOf(at).create(ANN, orders());
    await expect
      .poll(() => mcp.notices.map(({ method }) => method))
      .toContain('notifications/tools/list_changed');
    const listed = await mcp.request('tools/list');
    expect(listed).toMatchObject({
      tools: [
        {
          name: 'orders__get_order',
          description: 'What customers bought.',
          inputSchema: { required: ['id'] },
          annotations: { readOnlyHint: true },
        },
        { name: 'orders__drop', annotations: { readOnlyHint: false } },
      ],
    });
    expect(JSON.stringify(listed)).not.toContain('s3cret');
    const answer = textOf(await mcp.request('tools/call', CALL));
    expect(JSON.parse(answer)).toEqual({ url: '/orders/7', key: 's3cret' });
    const wrong = await mcp.request('tools/call', { ...CALL, arguments: { id: 'seven' } });
    expect(wrong).toMatchObject({ isError: true });
    await objectsOf(at).update(ANN, 'orders', orders({ active: false }));
    expect(await namesOf(mcp)).toEqual([]);
    await expect(mcp.request('tools/call', CALL)).rejects.toThrow(/Unknown tool/);
  });

  test('is held to what operators say of tools: denied, or waiting for approval', async () => {
    const expose = { 'orders/drop': 'deny', 'orders/get_order': 'require_approval' };
    await using at = await run({ expose });
    await objectsOf(at).create(ANN, orders());
    await using mcp = await client(at);
    expect(await namesOf(mcp)).toEqual(['orders__get_order']);
    await expect(mcp.request('tools/call', { name: 'orders__drop' })).rejects.toThrow(/Unknown tool/);
    await expect(mcp.request('tools/call', CALL)).rejects.toThrow(/waits for an operator's approval/);
    const { approvals } = at.host.services.toolbox;
    const [waiting] = await approvals.list('pending');
    await approvals.decide(waiting?.id ?? '', 'approve', '', ANN);
    expect(textOf(await mcp.request('tools/call', CALL))).toContain('/orders/7');
  });

  test('takes no name of an upstream server, a plugin or another object', async () => {
    const raw = { command: 'node', args: ['-e', ''], start_timeout_ms: 1_000 };
    await using at = await runHost({ tools: TOOLS, mcp_servers: { raw } });
    for (const id of ['raw', 'notes', 'raw__more']) await objectsOf(at).create(ANN, orders({ id }));
    await using mcp = await client(at);
    expect(await namesOf(mcp)).toEqual([]);
    await expect(mcp.request('tools/call', { name: 'notes__drop' })).rejects.toThrow();
    await objectsOf(at).create(
      ANN,
      orders({ id: 'a', operations: [{ ...orders().operations[1], name: 'b__c' }] }),
    );
    await objectsOf(at).create(
      ANN,
      orders({ id: 'a__b', operations: [{ ...orders().operations[1], name: 'c' }] }),
    );
    expect(await namesOf(mcp)).toEqual(['a__b__c']);
  });
});
