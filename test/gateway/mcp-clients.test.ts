import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectClient, textOf, type ClientKind } from './clients.test-support.js';
import {
  everythingUpstream,
  functionHooks,
  httpUpstream,
  rawUpstream,
  runGateway,
  startEverythingHttp,
  type HttpServerProcess,
  type RunningGateway,
} from './gateway.test-support.js';

const KINDS: readonly ClientKind[] = ['first line', 'second line, sessions', 'second line, stateless'];

function answer(method: string): Record<string, unknown> {
  if (method === 'sampling/createMessage') {
    return { role: 'assistant', model: 'test-model', content: { type: 'text', text: 'sampled' } };
  }
  if (method === 'roots/list') return { roots: [{ uri: 'file:///work', name: 'work' }] };
  return { action: 'accept', content: { name: 'Ada' } };
}

describe.each(KINDS)('a client of the %s', (kind) => {
  let server: HttpServerProcess;
  let running: RunningGateway;
  beforeAll(async () => {
    server = await startEverythingHttp();
    running = await runGateway({
      upstreams: [everythingUpstream(), rawUpstream(), httpUpstream('web', server.url)],
      hooks: functionHooks({}),
    });
  });
  afterAll(async () => {
    await running[Symbol.asyncDispose]();
    await server.kill();
  });

  test('lists the tools of all servers under joined names', async () => {
    await using client = await connectClient(kind, `${running.url}/mcp`);
    const { tools } = (await client.request('tools/list')) as { tools: { name: string }[] };
    const names = tools.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(['everything__echo', 'web__echo', 'raw__see', 'raw__child']),
    );
  });

  test.each(['everything', 'web'])('calls a tool of %s', async (upstream) => {
    await using client = await connectClient(kind, `${running.url}/mcp`);
    const result = await client.request('tools/call', {
      name: `${upstream}__echo`,
      arguments: { message: 'hello' },
    });
    expect(textOf(result)).toBe('Echo: hello');
  });

  test('calls a tool by its own name where one server is exposed', async () => {
    await using client = await connectClient(kind, `${running.url}/mcp/everything`);
    const result = await client.request('tools/call', { name: 'echo', arguments: { message: 'hello' } });
    expect(textOf(result)).toBe('Echo: hello');
  });

  test('gets structured content', async () => {
    await using client = await connectClient(kind, `${running.url}/mcp`);
    const call = { name: 'everything__get-structured-content', arguments: { location: 'New York' } };
    expect(await client.request('tools/call', call)).toHaveProperty('structuredContent.temperature');
  });

  test.each(['everything', 'web'])('hears all progress of a tool of %s', async (upstream) => {
    await using client = await connectClient(kind, `${running.url}/mcp`);
    const heard: number[] = [];
    const name = `${upstream}__trigger-long-running-operation`;
    await client.request(
      'tools/call',
      { name, arguments: { duration: 0.2, steps: 4 } },
      { onprogress: ({ progress }) => heard.push(progress) },
    );
    expect(heard).toEqual([1, 2, 3, 4]);
  });

  test('reads a prompt, and completes its argument', async () => {
    await using client = await connectClient(kind, `${running.url}/mcp`);
    const { prompts } = (await client.request('prompts/list')) as { prompts: { name: string }[] };
    expect(prompts.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['everything__simple-prompt', 'raw__greet']),
    );
    expect(await client.request('prompts/get', { name: 'everything__simple-prompt' })).toHaveProperty(
      'messages',
    );
    const completed = await client.request('completion/complete', {
      ref: { type: 'ref/prompt', name: 'everything__completable-prompt' },
      argument: { name: 'department', value: 'E' },
    });
    expect(completed).toHaveProperty('completion.values', ['Engineering']);
  });

  test('reads a resource that is listed, and one that only fits a template', async () => {
    await using client = await connectClient(kind, `${running.url}/mcp`);
    const read = async (uri: string) => JSON.stringify(await client.request('resources/read', { uri }));
    expect(await read('raw://one')).toContain('raw://one');
    expect(await read('raw://item/7')).toContain('raw://item/7');
    expect(await read('demo://resource/dynamic/text/1')).toContain('Resource 1');
    const { resourceTemplates } = await client.request('resources/templates/list');
    expect(JSON.stringify(resourceTemplates)).toContain('raw://item/{n}');
  });

  test('cancels: the upstream hears of it', async () => {
    await using client = await connectClient(kind, `${running.url}/mcp`);
    const abort = new AbortController();
    const call = client.request('tools/call', { name: 'raw__slow' }, { signal: abort.signal });
    await client.request('tools/call', { name: 'raw__see' });
    abort.abort('enough');
    await expect(call).rejects.toThrow();
    const reason = kind === 'second line, stateless' ? 'reason' : 'enough';
    const heard = async () => textOf(await client.request('tools/call', { name: 'raw__cancelled' }));
    await expect.poll(heard).toContain(reason === 'enough' ? reason : '[');
    await expect.poll(heard).not.toBe('[]');
  });

  test('is asked for a sample by a tool that it called', async () => {
    await using client = await connectClient(kind, `${running.url}/mcp`, { answer });
    const result = await client.request('tools/call', {
      name: 'everything__trigger-sampling-request',
      arguments: { prompt: 'say something', maxTokens: 10 },
    });
    expect(textOf(result)).toContain('sampled');
  });

  test('is asked for input by a tool that it called', async () => {
    await using client = await connectClient(kind, `${running.url}/mcp`, { answer });
    const result = await client.request('tools/call', {
      name: 'everything__trigger-elicitation-request',
      arguments: {},
    });
    expect(JSON.stringify(result)).toContain('Ada');
  });

  test('is asked for its roots while a call of its own is in progress', async () => {
    await using client = await connectClient(kind, `${running.url}/mcp`, { answer });
    const result = await client.request('tools/call', {
      name: 'raw__ask',
      arguments: { method: 'roots/list' },
    });
    expect(textOf(result)).toContain('file:///work');
  });

  test('is not asked for what it cannot do', async () => {
    await using client = await connectClient(kind, `${running.url}/mcp`);
    const result = await client.request('tools/call', {
      name: 'raw__ask',
      arguments: { method: 'roots/list' },
    });
    expect(textOf(result)).toContain("does not have the capability 'roots'");
  });

  test('keeps fields that nobody here knows', async () => {
    await using client = await connectClient(kind, `${running.url}/mcp`);
    const { tools } = (await client.request('tools/list')) as { tools: { name: string }[] };
    expect(tools.find(({ name }) => name === 'raw__see')).toMatchObject({
      'x-vendor': { deep: [{ kept: true }] },
    });
    const result = await client.request('tools/call', {
      name: 'raw__see',
      arguments: { a: 1 },
      'x-unknown': { b: [2] },
    });
    expect(JSON.parse(JSON.parse(textOf(result)) as string)).toMatchObject({
      params: { name: 'see', 'x-unknown': { b: [2] } },
    });
  });

  test('gets code and data of an upstream error', async () => {
    await using client = await connectClient(kind, `${running.url}/mcp`);
    const call = client.request('tools/call', { name: 'raw__fail' });
    await expect(call).rejects.toMatchObject({ code: -12_345, data: expect.anything() });
  });

  test('is told which tool there is not', async () => {
    await using client = await connectClient(kind, `${running.url}/mcp`);
    await expect(client.request('tools/call', { name: 'nowhere__tool' })).rejects.toMatchObject({
      code: -32_602,
    });
  });
});
