import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  functionHooks,
  httpUpstream,
  rawUpstream,
  runGateway,
  startRawHttp,
  type HttpServerProcess,
  type RunningGateway,
} from './gateway.test-support.js';
import { connectRaw } from './raw-client.test-support.js';

describe.each(['stdio', 'http'])('an upstream over %s', (transport) => {
  let server: HttpServerProcess | undefined;
  let running: RunningGateway;
  beforeAll(async () => {
    server = transport === 'http' ? await startRawHttp() : undefined;
    running = await runGateway({
      upstreams: [server === undefined ? rawUpstream() : httpUpstream('raw', server.url)],
      hooks: functionHooks({ tool_pre_invoke: () => {}, tool_post_invoke: () => {} }),
    });
  });
  afterAll(async () => {
    await running[Symbol.asyncDispose]();
    await server?.kill();
  });

  test('gets numbers with the digits that the client wrote', async () => {
    const client = await connectRaw(`${running.url}/mcp`);
    const [answer] = await client.send(
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"raw__see","arguments":{"big":9007199254740993,"ten":10.0,"tiny":1e-400}}}',
    );
    expect(answer).toContain(String.raw`\\\"big\\\":9007199254740993,\\\"ten\\\":10.0,\\\"tiny\\\":1e-400`);
  });

  test('answers with numbers that reach the client as they were written', async () => {
    const client = await connectRaw(`${running.url}/mcp`);
    const [answer] = await client.send(
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"raw__numbers"}}',
    );
    expect(answer).toContain('"structuredContent":{"big":9007199254740993,"ten":10.0},"unknown":{"e":1e2}');
  });

  test('fails with data whose numbers reach the client as they were written', async () => {
    const client = await connectRaw(`${running.url}/mcp`);
    const [answer] = await client.send(
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"raw__fail"}}',
    );
    expect(answer).toContain('"error":{"code":-12345,"message":"as told","data":{"big":9007199254740993}}');
  });

  test('sends its last progress in one write with the result, and both arrive in that order', async () => {
    const client = await connectRaw(`${running.url}/mcp`);
    const answer = await client.send(
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"raw__progress","_meta":{"progressToken":"mine"}}}',
    );
    const messages = answer.map((text) => JSON.parse(text) as { params?: object; id?: number });
    expect(messages.map(({ params }) => params)).toEqual([
      { progressToken: 'mine', progress: 1, total: 3, x: 'y' },
      { progressToken: 'mine', progress: 2, total: 3, x: 'y' },
      { progressToken: 'mine', progress: 3, total: 3, x: 'y' },
      undefined,
    ]);
    expect(messages[3]?.id).toBe(1);
  });

  test('is not asked for progress by a client that did not ask', async () => {
    const client = await connectRaw(`${running.url}/mcp`);
    const [answer] = await client.send(
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"raw__see"}}',
    );
    expect(answer).not.toContain('progressToken');
  });

  test('hears a method that the gateway does not know, where it is exposed alone', async () => {
    const alone = await connectRaw(`${running.url}/mcp/raw`);
    const [answer] = await alone.send('{"jsonrpc":"2.0","id":1,"method":"vendor/own","params":{"ten":10.0}}');
    expect(answer).toContain('"params":{"ten":10.0}');
    const joined = await connectRaw(`${running.url}/mcp`);
    expect(await joined.send('{"jsonrpc":"2.0","id":1,"method":"vendor/own"}')).toEqual([
      expect.stringContaining('-32601'),
    ]);
  });

  test('shows all pages of its list in the joined one', async () => {
    const client = await connectRaw(`${running.url}/mcp`);
    const [answer] = await client.send('{"jsonrpc":"2.0","id":1,"method":"tools/list"}');
    const { tools } = (JSON.parse(answer ?? '') as { result: { tools: { name: string }[] } }).result;
    expect(tools.map(({ name }) => name)).toEqual(expect.arrayContaining(['raw__see', 'raw__child']));
    expect(answer).not.toContain('nextCursor');
  });

  test('keeps its own pages where it is exposed alone', async () => {
    const client = await connectRaw(`${running.url}/mcp/raw`);
    const [first] = await client.send('{"jsonrpc":"2.0","id":1,"method":"tools/list"}');
    expect(first).toContain('"nextCursor":"second"');
    const [second] = await client.send(
      '{"jsonrpc":"2.0","id":2,"method":"tools/list","params":{"cursor":"second"}}',
    );
    expect(second).toContain('"name":"child"');
  });
});

test('a resource that two servers have is the first one’s; the other’s carries its server’s name', async () => {
  await using running = await runGateway({
    upstreams: [rawUpstream('one', { RAW_NAME: 'one' }), rawUpstream('two', { RAW_NAME: 'two' })],
  });
  const client = await connectRaw(`${running.url}/mcp`);
  const [listed] = await client.send('{"jsonrpc":"2.0","id":1,"method":"resources/list"}');
  expect(listed).toContain('"uri":"shared://both"');
  expect(listed).toContain('"uri":"two+shared://both"');
  const read = async (uri: string): Promise<string> =>
    (await client.send(`{"jsonrpc":"2.0","id":2,"method":"resources/read","params":{"uri":"${uri}"}}`)).join(
      '',
    );
  expect(await read('shared://both')).toContain('"text":"one ');
  expect(await read('two+shared://both')).toContain('"text":"two ');
  expect(await read('two+raw://item/3')).toContain('raw://item/3');
  expect(await read('nobody://has/this')).toContain('Resource not found');
});
