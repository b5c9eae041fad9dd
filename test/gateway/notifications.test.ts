import { describe, expect, test } from 'vitest';
import { connectClient, textOf, type ClientKind } from './clients.test-support.js';
import { eventually, httpUpstream, rawUpstream, runGateway, startRawHttp } from './gateway.test-support.js';

const KINDS: readonly ClientKind[] = ['first line', 'second line, sessions'];

describe.each(KINDS)('a client of the %s', (kind) => {
  test('hears that lists changed', async () => {
    await using running = await runGateway({ upstreams: [rawUpstream()] });
    await using client = await connectClient(kind, `${running.url}/mcp`);
    for (const list of ['tools', 'prompts', 'resources']) {
      await client.request('tools/call', { name: 'raw__changed', arguments: { list } });
      await eventually(() =>
        client.notices.some(({ method }) => method === `notifications/${list}/list_changed`),
      );
    }
  });

  test('hears of the resources that it subscribed to, until it no longer wants to', async () => {
    await using running = await runGateway({ upstreams: [rawUpstream()] });
    await using client = await connectClient(kind, `${running.url}/mcp`);
    await using other = await connectClient(kind, `${running.url}/mcp`);
    const updates = (of: typeof client) =>
      of.notices.filter(({ method }) => method === 'notifications/resources/updated');
    await client.request('resources/subscribe', { uri: 'raw://one' });
    await client.request('tools/call', { name: 'raw__changed', arguments: { list: 'tools' } });
    await eventually(() => updates(client).length === 1);
    await client.request('resources/unsubscribe', { uri: 'raw://one' });
    await client.request('tools/call', { name: 'raw__changed', arguments: { list: 'prompts' } });
    await eventually(() =>
      other.notices.some(({ method }) => method === 'notifications/prompts/list_changed'),
    );
    expect(updates(client)).toHaveLength(1);
    expect(updates(other)).toHaveLength(0);
  });

  test('gets the log messages of its own call from its level on, and nobody else gets them', async () => {
    await using running = await runGateway({ upstreams: [rawUpstream()] });
    await using client = await connectClient(kind, `${running.url}/mcp`);
    await using other = await connectClient(kind, `${running.url}/mcp`);
    await client.request('logging/setLevel', { level: 'warning' });
    const log = (level: string, data: string) =>
      client.request('tools/call', { name: 'raw__log', arguments: { level, data } });
    await log('info', 'too little');
    await log('error', 'enough');
    await eventually(() => client.notices.length > 0);
    expect(client.notices).toEqual([expect.objectContaining({ params: { level: 'error', data: 'enough' } })]);
    await other.request('tools/call', { name: 'raw__changed', arguments: { list: 'tools' } });
    await eventually(() => other.notices.length > 0);
    expect(other.notices.map(({ method }) => method)).toEqual(['notifications/tools/list_changed']);
  });
});

test('a stateless client hears what it listens for, with the resources that it names', async () => {
  await using running = await runGateway({ upstreams: [rawUpstream()] });
  await using client = await connectClient('second line, stateless', `${running.url}/mcp`);
  const listening = client.listen({ toolsListChanged: true, resourceSubscriptions: ['raw://one'] });
  const subscription = await listening;
  await client.request('tools/call', { name: 'raw__changed', arguments: { list: 'tools' } });
  await eventually(() => client.notices.some(({ method }) => method === 'notifications/tools/list_changed'));
  await eventually(() =>
    client.notices.some(
      ({ method, params }) => method === 'notifications/resources/updated' && params?.['uri'] === 'raw://one',
    ),
  );
  await subscription.close();
});

test('a stateless client gets the log messages of its own call, when its request says from which level on', async () => {
  await using running = await runGateway({ upstreams: [rawUpstream()] });
  await using client = await connectClient('second line, stateless', `${running.url}/mcp`);
  const log = (level: string, data: string, meta: object) =>
    client.request('tools/call', { name: 'raw__log', arguments: { level, data }, _meta: { ...meta } });
  await log('error', 'not wanted', {});
  await log('info', 'too little', { 'io.modelcontextprotocol/logLevel': 'warning' });
  await log('error', 'wanted', { 'io.modelcontextprotocol/logLevel': 'warning' });
  await eventually(() => client.notices.length > 0);
  expect(client.notices.map(({ params }) => params?.['data'])).toEqual(['wanted']);
});

describe('what an upstream asks', () => {
  const answerAs = (name: string) => () => ({ roots: [{ uri: `file:///${name}`, name }] });

  test('over stdio, while several clients wait for it, goes to none of them', async () => {
    await using running = await runGateway({ upstreams: [rawUpstream()] });
    await using ada = await connectClient('first line', `${running.url}/mcp`, { answer: answerAs('ada') });
    await using bob = await connectClient('first line', `${running.url}/mcp`, { answer: answerAs('bob') });
    const stop = new AbortController();
    const waiting = bob.request('tools/call', { name: 'raw__slow' }, { signal: stop.signal }).catch(() => {});
    await bob.request('tools/call', { name: 'raw__see' });
    const result = await ada.request('tools/call', { name: 'raw__ask', arguments: { method: 'roots/list' } });
    expect(textOf(result)).toContain('cannot be told for which one');
    stop.abort();
    await waiting;
  });

  test('over HTTP goes to the client on whose call it came, however many wait', async () => {
    const server = await startRawHttp();
    try {
      await using running = await runGateway({ upstreams: [httpUpstream('web', server.url)] });
      await using ada = await connectClient('first line', `${running.url}/mcp`, { answer: answerAs('ada') });
      await using bob = await connectClient('first line', `${running.url}/mcp`, { answer: answerAs('bob') });
      const stop = new AbortController();
      const waiting = bob
        .request('tools/call', { name: 'web__slow' }, { signal: stop.signal })
        .catch(() => {});
      await bob.request('tools/call', { name: 'web__see' });
      const result = await ada.request('tools/call', {
        name: 'web__ask',
        arguments: { method: 'roots/list' },
      });
      expect(textOf(result)).toContain('file:///ada');
      stop.abort();
      await waiting;
    } finally {
      await server.kill();
    }
  });
});
