import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { FakeClock } from '../../host/clock.test-support.js';
import { connectClient } from './clients.test-support.js';
import { rawUpstream, runGateway } from './gateway.test-support.js';
import { connectRaw } from './raw-client.test-support.js';

const INITIALIZE = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
});
const PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}';

async function statusOf(url: string, sessionId: string): Promise<number> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-session-id': sessionId,
    },
    body: PING,
  });
  await response.text();
  return response.status;
}

test('a session that nobody uses ends, one with an open stream lives on', async () => {
  const clock = new FakeClock();
  await using at = await runGateway({ clock, sessions: { idleMs: 1_000 } });
  const left = await connectRaw(`${at.url}/mcp`);
  const kept = await connectRaw(`${at.url}/mcp`);
  const stop = new AbortController();
  await kept.standing(stop.signal);
  expect(at.gateway.sessionCount()).toBe(2);
  clock.advance(2_000);
  expect(at.gateway.sessionCount()).toBe(1);
  expect(await statusOf(`${at.url}/mcp`, left.sessionId)).toBe(404);
  expect(await statusOf(`${at.url}/mcp`, kept.sessionId)).toBe(200);
  stop.abort();
  await expect
    .poll(() => {
      clock.advance(2_000);
      return at.gateway.sessionCount();
    })
    .toBe(0);
});

test('whoever opens sessions without end pays with their own', async () => {
  const hashOf = (key: string) => createHash('sha256').update(key).digest('hex');
  const apps = ['quiet', 'greedy'].map((id) => ({ id, keyHashes: [hashOf(id)], assertContext: false }));
  await using at = await runGateway({ apps, sessions: { max: 4 } });
  const open = async (app: string) => {
    const response = await fetch(`${at.url}/mcp`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'x-api-key': app,
      },
      body: INITIALIZE,
    });
    await response.text();
    return { 'mcp-session-id': response.headers.get('mcp-session-id') ?? '', 'x-api-key': app };
  };
  const quiet = await open('quiet');
  const greedy = [];
  for (let count = 0; count < 10; count += 1) greedy.push(await open('greedy'));
  expect(at.gateway.sessionCount()).toBe(4);
  const ping = async (headers: Readonly<Record<string, string>>) => {
    const accept = 'application/json, text/event-stream';
    const all = { 'content-type': 'application/json', accept, ...headers };
    const response = await fetch(`${at.url}/mcp`, { method: 'POST', headers: all, body: PING });
    await response.text();
    return response.status;
  };
  expect(await ping(quiet)).toBe(200);
  expect(await ping({ ...quiet, 'x-api-key': 'greedy' })).toBe(404);
  expect(await ping(greedy[0] ?? quiet)).toBe(404);
  expect(await ping(greedy[9] ?? quiet)).toBe(200);
});

test('a session that is used does not end', async () => {
  const clock = new FakeClock();
  await using at = await runGateway({ clock, sessions: { idleMs: 1_000 } });
  const client = await connectRaw(`${at.url}/mcp`);
  for (let round = 0; round < 5; round += 1) {
    clock.advance(600);
    expect(await client.send(PING)).toHaveLength(1);
  }
});

test('DELETE ends a session, and what it was subscribed to', async () => {
  await using at = await runGateway({ upstreams: [rawUpstream()] });
  const client = await connectRaw(`${at.url}/mcp`);
  await client.send('{"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"raw://one"}}');
  expect(await client.delete()).toBe(200);
  expect(at.gateway.sessionCount()).toBe(0);
  expect(await statusOf(`${at.url}/mcp`, client.sessionId)).toBe(404);
});

test('beyond the limit the session that was idle the longest makes room', async () => {
  const clock = new FakeClock();
  await using at = await runGateway({ clock, sessions: { max: 2 } });
  const first = await connectRaw(`${at.url}/mcp`);
  clock.advance(1);
  const second = await connectRaw(`${at.url}/mcp`);
  clock.advance(1);
  expect(await first.send(PING)).toHaveLength(1);
  // The answer has come before the server notes that the exchange is over.
  await expect.poll(() => statusOf(`${at.url}/mcp`, first.sessionId)).toBe(200);
  clock.advance(1);
  await connectRaw(`${at.url}/mcp`);
  expect(at.gateway.sessionCount()).toBe(2);
  expect(await statusOf(`${at.url}/mcp`, second.sessionId)).toBe(404);
});

test('a request without a session that is no initialize leaves none behind', async () => {
  await using at = await runGateway();
  const response = await fetch(`${at.url}/mcp`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: PING,
  });
  expect(response.status).toBe(400);
  expect(at.gateway.sessionCount()).toBe(0);
});

test('a stateless client leaves no session', async () => {
  await using at = await runGateway({ upstreams: [rawUpstream()] });
  await using client = await connectClient('second line, stateless', `${at.url}/mcp`);
  await client.request('tools/list');
  expect(at.gateway.sessionCount()).toBe(0);
});
