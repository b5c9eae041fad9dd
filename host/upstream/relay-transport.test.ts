import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/client';
import { expect, test } from 'vitest';
import { RelayTransport } from './relay-transport.js';

/** A relay over a transport that is only a list, with what it told. */
async function relayed() {
  const inner: Transport = {
    start: () => Promise.resolve(),
    send: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
  const told: string[] = [];
  const relay = new RelayTransport(inner, {
    notification: (method) => {
      told.push(method);
    },
  });
  await relay.start();
  return { relay, told, hear: (message: JSONRPCMessage) => inner.onmessage?.(message) };
}

test('progress of a request that has ended is told to nobody', async () => {
  const { relay, told, hear } = await relayed();
  const progress: unknown[] = [];
  const call = {
    caller: undefined,
    progressToken: 'mine',
    onProgress: (params: unknown) => void progress.push(params),
  };
  const report = (progressToken: string) =>
    hear({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken, progress: 1 } });
  await relay.attach(call, () => relay.send({ jsonrpc: '2.0', id: 1, method: 'tools/call' }));
  report('mine');
  report('other');
  relay.release(call);
  report('mine');
  hear({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' });
  expect(progress).toHaveLength(1);
  expect(told).toEqual(['notifications/tools/list_changed']);
});

test('a question that the package answers itself is forgotten with the answer', async () => {
  const { relay, hear } = await relayed();
  const caller = { key: 'one', request: () => Promise.resolve({}), notify: () => undefined };
  const call = { caller, onProgress: undefined, progressToken: undefined };
  await relay.attach(call, () => relay.send({ jsonrpc: '2.0', id: 1, method: 'tools/call' }));
  hear({ jsonrpc: '2.0', id: 'ping-1', method: 'ping' });
  await relay.send({ jsonrpc: '2.0', id: 'ping-1', result: {} });
  expect(relay.takeAttribution('ping-1')).toEqual({ kind: 'nobody' });
});
