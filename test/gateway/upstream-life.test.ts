import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { connectClient, textOf } from './clients.test-support.js';
import { eventually, httpUpstream, rawUpstream, runGateway, startRawHttp } from './gateway.test-support.js';

async function names(client: Awaited<ReturnType<typeof connectClient>>): Promise<string> {
  const { tools } = (await client.request('tools/list')) as { tools: { name: string }[] };
  return tools.map(({ name }) => name).join(' ');
}

async function isGone(pid: number): Promise<boolean> {
  try {
    // A zombie has ended; nobody collects it in a container without an init.
    return /^State:\s+Z/m.test(await readFile(`/proc/${String(pid)}/status`, 'utf8'));
  } catch {
    return true;
  }
}

describe('an upstream that dies', () => {
  test('loses its tools with list_changed, fails calls at once, and comes back with list_changed', async () => {
    await using running = await runGateway({ upstreams: [rawUpstream('mortal'), rawUpstream('other')] });
    await using client = await connectClient('first line', `${running.url}/mcp`);
    const mortal = running.upstreams.get('mortal');
    const states: string[] = [];
    running.upstreams.listen((upstream, event) => {
      if (upstream === mortal && event.kind === 'state') states.push(event.state.kind);
    });
    const inFlight = client.request('tools/call', { name: 'mortal__slow' });
    const refused = expect(inFlight).rejects.toMatchObject({
      code: -32_051,
      data: { code: 'UPSTREAM_UNAVAILABLE' },
    });
    await client.request('tools/call', { name: 'mortal__see' });
    const pid = mortal?.pid ?? 0;
    process.kill(pid, 'SIGKILL');
    await refused;
    await eventually(() =>
      client.notices.some(({ method }) => method === 'notifications/tools/list_changed'),
    );
    await eventually(() => states.includes('ready'));
    expect(states).toEqual(['waiting', 'connecting', 'ready']);
    expect(mortal?.pid).not.toBe(pid);
    expect(await names(client)).toContain('mortal__see');
    await eventually(
      () => client.notices.filter(({ method }) => method === 'notifications/tools/list_changed').length >= 2,
    );
    expect(running.log.find(({ message }) => message === 'upstream: waiting')?.fields).toMatchObject({
      upstream: 'mortal',
      reason: 'it was ended by SIGKILL',
    });
  });

  test('is not in the list while it is down, and its calls fail without a wait', async () => {
    await using running = await runGateway({
      upstreams: [
        { ...rawUpstream('never'), command: '/nonexistent/server' } as ReturnType<typeof rawUpstream>,
        rawUpstream(),
      ],
    });
    await using client = await connectClient('second line, sessions', `${running.url}/mcp`);
    expect(running.upstreams.down()).toEqual(['never']);
    expect(await names(client)).not.toContain('never__');
    const call = client.request('tools/call', { name: 'never__see' });
    await expect(call).rejects.toMatchObject({ code: -32_051 });
    await using alone = await connectClient('second line, sessions', `${running.url}/mcp/never`);
    expect(await names(alone)).toBe('');
  });

  test('is subscribed again to what clients subscribed to', async () => {
    await using running = await runGateway({ upstreams: [rawUpstream('mortal')] });
    await using client = await connectClient('first line', `${running.url}/mcp`);
    await client.request('resources/subscribe', { uri: 'raw://one' });
    const pid = running.upstreams.get('mortal')?.pid ?? 0;
    process.kill(pid, 'SIGKILL');
    await eventually(
      () =>
        running.upstreams.get('mortal')?.state.kind === 'ready' &&
        running.upstreams.get('mortal')?.pid !== pid,
    );
    await client.request('tools/call', { name: 'mortal__changed', arguments: { list: 'tools' } });
    await eventually(() =>
      client.notices.some(
        ({ method, params }) =>
          method === 'notifications/resources/updated' && params?.['uri'] === 'raw://one',
      ),
    );
  });
});

describe('an upstream over HTTP that goes away', () => {
  test('is noticed when its stream breaks, and served again when it is back', async () => {
    const server = await startRawHttp();
    await using running = await runGateway({ upstreams: [httpUpstream('web', server.url)] });
    await using client = await connectClient('first line', `${running.url}/mcp`);
    expect(await names(client)).toContain('web__see');
    await server.kill();
    await eventually(() => running.upstreams.get('web')?.state.kind !== 'ready');
    await expect(client.request('tools/call', { name: 'web__see' })).rejects.toMatchObject({ code: -32_051 });
    const again = await startRawHttp(server.port);
    try {
      await eventually(() => running.upstreams.get('web')?.state.kind === 'ready');
      expect(textOf(await client.request('tools/call', { name: 'web__see' }))).toContain('tools/call');
    } finally {
      await again.kill();
    }
  });
});

describe('an upstream process', () => {
  test('has only the harmless part of the host’s environment, and what the operator names', async () => {
    await using running = await runGateway({
      upstreams: [rawUpstream('raw', { OWN: 'yes' })],
      hostEnv: { PATH: process.env['PATH'], HOME: '/home/host', TZ: 'UTC', SECRET_TOKEN: 'no' },
    });
    await using client = await connectClient('second line, sessions', `${running.url}/mcp`);
    const result = await client.request('tools/call', { name: 'raw__env' });
    expect(JSON.parse(textOf(result))).toEqual({
      PATH: process.env['PATH'],
      HOME: '/home/host',
      TZ: 'UTC',
      OWN: 'yes',
    });
  });

  test('has its stderr in the log', async () => {
    await using running = await runGateway({ upstreams: [rawUpstream()] });
    await eventually(() => running.log.some(({ message }) => message === 'raw server ready'));
    expect(running.log.find(({ message }) => message === 'raw server ready')?.fields).toEqual({
      upstream: 'raw',
      stream: 'stderr',
    });
  });

  test('is ended with every process that it started', async () => {
    const running = await runGateway({ upstreams: [rawUpstream()] });
    const client = await connectClient('second line, sessions', `${running.url}/mcp`);
    const child = Number(textOf(await client.request('tools/call', { name: 'raw__child' })));
    const pid = running.upstreams.get('raw')?.pid ?? 0;
    await client[Symbol.asyncDispose]();
    await running[Symbol.asyncDispose]();
    await eventually(() => isGone(pid));
    await eventually(() => isGone(child));
  });

  test('that crashed leaves none of its children behind', async () => {
    await using running = await runGateway({ upstreams: [rawUpstream()] });
    await using client = await connectClient('second line, sessions', `${running.url}/mcp`);
    const child = Number(textOf(await client.request('tools/call', { name: 'raw__child' })));
    await expect(client.request('tools/call', { name: 'raw__die' })).rejects.toMatchObject({ code: -32_051 });
    await eventually(() => isGone(child));
  });
});
