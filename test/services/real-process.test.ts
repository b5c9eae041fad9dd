import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  CallRpcRequest,
  CallRpcResponse,
  Decision,
  DeliverEventsRequest,
  ExecuteToolRequest,
  ExecuteToolResponse,
  HandleRouteRequest,
  HandleRouteResponse,
  InvokeObjectHookRequest,
  InvokeObjectHookResponse,
  RegistrationKind,
  RunCommandRequest,
  RunCommandResponse,
  RunScheduleRequest,
} from '@bulkhead/proto/plugin';
import { Harness } from '../../host/sidecar/launch.test-support.js';
import type { Sidecar } from '../../host/sidecar/sidecar.js';
import { FakeServices, everything } from './everything.test-support.js';

const SERVICE = '/bulkhead.plugin.v1';
const context = undefined;

let harness: Harness;
let services: FakeServices;

beforeEach(() => {
  harness = new Harness();
  services = new FakeServices();
  services.put('colour', 'blue');
});
afterEach(() => harness.close());

const start = (change = {}): Promise<Sidecar> =>
  harness.start(everything(change), { hostMethods: services.methods });

const tool = (name: string, args: object) =>
  ExecuteToolRequest.encode({ name, argsJson: JSON.stringify(args), context }).finish();

describe.each([{ mtls: false }, { mtls: true }])('a plugin in a process of its own ($mtls)', (channel) => {
  test('says what it registers, and serves each of it', async () => {
    const plugin = await start(channel);
    expect(plugin.initialized.registrations).toEqual(
      expect.arrayContaining([
        { kind: RegistrationKind.REGISTRATION_KIND_OBJECT_HOOK, name: 'llm.before_create', priority: 7 },
        { kind: RegistrationKind.REGISTRATION_KIND_ROUTE, name: 'GET /keys/{key}', priority: 0 },
      ]),
    );
    expect(services.patterns).toEqual(['system.llm.*']);

    const hooked = InvokeObjectHookResponse.decode(
      await plugin.call(
        `${SERVICE}.ObjectHookService/InvokeObjectHook`,
        InvokeObjectHookRequest.encode(
          InvokeObjectHookRequest.fromPartial({
            objectType: 'llm',
            hook: 'before_create',
            objectJson: '{"name":"colour","vendor":"good","big":9007199254740993}',
          }),
        ).finish(),
      ),
    );
    expect(hooked).toMatchObject({
      decision: Decision.DECISION_MODIFY,
      objectJson: '{"name":"colour","vendor":"good","big":9007199254740993,"models":["m"]}',
      metadata: { got: '"blue"' },
    });

    const ran = await plugin.call(`${SERVICE}.ToolService/ExecuteTool`, tool('lookup', { key: 'colour' }));
    expect(ExecuteToolResponse.decode(ran).resultJson).toBe('{"got":"blue"}');

    const command = RunCommandRequest.encode({
      name: 'show',
      argsJson: '{"key":"colour"}',
      context,
    }).finish();
    const shown = await plugin.call(`${SERVICE}.ToolService/RunCommand`, command);
    expect(RunCommandResponse.decode(shown).resultJson).toBe('"blue"');

    const rpc = CallRpcRequest.encode({
      method: 'who',
      inputJson: '[1]',
      caller: { kind: 'token', id: 't1', role: 'operator' },
    }).finish();
    const who = await plugin.call(`${SERVICE}.RouteService/CallRpc`, rpc);
    expect(CallRpcResponse.decode(who).outputJson).toBe(
      '{"input":[1],"caller":{"kind":"token","id":"t1","role":"operator"}}',
    );

    const run = RunScheduleRequest.encode(
      RunScheduleRequest.fromPartial({ name: 'nightly', runId: 'r1' }),
    ).finish();
    await plugin.call(`${SERVICE}.ScheduleService/RunSchedule`, run);
    expect(services.get('ran/nightly')).toBe('r1');

    const events = DeliverEventsRequest.encode({
      pattern: 'system.llm.*',
      dropped: 0n,
      events: [{ id: 'e1', topic: 'system.llm.created', dataJson: '{"id":"l1"}', atMs: 1n }],
    }).finish();
    await plugin.call(`${SERVICE}.EventService/DeliverEvents`, events);
    expect(services.get('event')).toEqual({ id: 'l1' });
  });

  test('takes and gives large bodies beside the link', async () => {
    const plugin = await start(channel);
    const body = Buffer.alloc(1_000_000, 7);
    const request = HandleRouteRequest.encode(
      HandleRouteRequest.fromPartial({
        method: 'PUT',
        route: '/keys/{key}',
        path: '/keys/large',
        params: { key: 'large' },
        body,
      }),
    ).finish();
    const answer = HandleRouteResponse.decode(
      await plugin.call(`${SERVICE}.RouteService/HandleRoute`, request),
    );
    expect([answer.statusCode, Buffer.from(answer.body).toString()]).toEqual([201, '1000000']);
    expect(body.equals(services.entries.get('large')?.value ?? new Uint8Array(0))).toBe(true);
  });
});

describe('what a handler asks of the host', () => {
  test('brings the deadline and the trace of its call along', async () => {
    const plugin = await start();
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const body = tool('lookup', { key: 'colour' });
    await plugin.call(`${SERVICE}.ToolService/ExecuteTool`, body, { timeoutMs: 2_000, traceparent });
    const [asked] = services.calls;
    expect(asked?.traceparent).toBe(traceparent);
    expect(asked?.timeoutMs).toBeGreaterThan(0);
    expect(asked?.timeoutMs).toBeLessThanOrEqual(2_000);
  });

  test('is cancelled with its call', async () => {
    const plugin = await start();
    const leave = new AbortController();
    const body = tool('lookup', { key: 'never' });
    const answer = plugin.call(`${SERVICE}.ToolService/ExecuteTool`, body, { signal: leave.signal });
    await expect.poll(() => services.calls.length).toBe(1);
    const signal = services.calls[0]?.signal;
    leave.abort();
    await expect(answer).rejects.toMatchObject({ code: 'CANCELLED' });
    await expect.poll(() => signal?.aborted).toBe(true);
  });

  test('that the host does not offer is said so', async () => {
    services = new FakeServices();
    const plugin = await harness.start(everything({ configJson: '{"quiet":true}' }), { hostMethods: [] });
    const body = tool('lookup', { key: 'colour' });
    await expect(plugin.call(`${SERVICE}.ToolService/ExecuteTool`, body)).rejects.toMatchObject({
      code: 'PLUGIN_ERROR',
      message: 'this host does not offer bulkhead.host.v1.KvService/Get',
    });
  });

  test('without a grant is refused, with the scope', async () => {
    const plugin = await start({ grantedScopes: ['events.subscribe'] });
    const body = tool('lookup', { key: 'colour' });
    await expect(plugin.call(`${SERVICE}.ToolService/ExecuteTool`, body)).rejects.toMatchObject({
      message: expect.stringContaining("needs the scope 'kv.read'") as unknown,
    });
  });
});

test('a tool under way ends before the process does', async () => {
  const plugin = await start();
  const answer = plugin.call(
    `${SERVICE}.ToolService/ExecuteTool`,
    tool('lookup', { key: 'colour', waitMs: 100 }),
  );
  await harness.tape.waitFor(({ msg }) => msg === 'waiting');
  await plugin.stop('the test ends');
  expect(ExecuteToolResponse.decode(await answer).resultJson).toBe('{"got":"blue"}');
});
