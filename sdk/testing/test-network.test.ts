import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { isBulkheadError } from '@bulkhead/proto';
import { expect, test } from 'vitest';
import { definePlugin, modify, type Host } from '../index.js';
import { testPlugin, type TestNetwork } from './index.js';

async function run(
  work: (host: Host) => Promise<string>,
  network: TestNetwork,
  options: { readonly timeoutMs?: number } = {},
): Promise<unknown> {
  const plugin = definePlugin<never>(({ host }) => ({
    hooks: { tool_post_invoke: async () => modify({ result: await work(host) }) },
  }));
  const manifest = {
    id: 'com.example.dialler',
    name: 'dialler',
    version: '1.0.0',
    hooks: ['tool_post_invoke'],
    permissions: { network: ['api.example:443', 'redis.example:6379'] },
  };
  const started = await testPlugin(plugin, { manifest, network, context: options });
  const result = await started.invoke('tool_post_invoke', { name: 'x', result: '' });
  await started.shutdown();
  return result.payload.result;
}

const denied = (text: string) =>
  expect.toSatisfy(
    (error) => isBulkheadError(error) && error.code === 'PLUGIN_ERROR' && error.message.includes(text),
  );

test('a request that the manifest asks for reaches the fake, any other is refused as the host refuses it', async () => {
  const asked: string[] = [];
  const network: TestNetwork = {
    fetch: (input) => {
      asked.push(String(input));
      return Promise.resolve(new Response('from the fake'));
    },
  };
  expect(await run(async (host) => (await host.http.fetch('https://api.example/v1')).text(), network)).toBe(
    'from the fake',
  );
  await expect(
    run(async (host) => (await host.http.fetch('https://evil.example/')).text(), network),
  ).rejects.toEqual(denied('evil.example:443 is not granted'));
  await expect(
    run(async (host) => (await host.http.fetch('http://api.example/')).text(), network),
  ).rejects.toEqual(denied('api.example:80 is not granted'));
  expect(asked).toEqual(['https://api.example/v1']);
});

test('a request ends with its call', async () => {
  const network: TestNetwork = {
    fetch: (_input, init) =>
      new Promise((_resolve, reject) => {
        init?.signal?.addEventListener('abort', () => {
          reject(new Error('aborted'));
        });
      }),
  };
  const ended = Promise.withResolvers<string>();
  const work = async (host: Host): Promise<string> => {
    try {
      await host.http.fetch('https://api.example/v1');
    } catch (error) {
      ended.resolve(String(error));
    }
    return '';
  };
  await expect(run(work, network, { timeoutMs: 20 })).rejects.toThrow('no answer within 20 ms');
  expect(await ended.promise).toContain('aborted');
});

test('a connection that the manifest asks for reaches the test’s own server, any other is refused', async () => {
  const server = createServer((socket) => {
    socket.end('hello');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const network: TestNetwork = { connect: () => connect(port, '127.0.0.1') };
  expect(await run((host) => text(host.net.connect({ host: 'redis.example', port: 6379 })), network)).toBe(
    'hello',
  );
  await expect(
    run((host) => text(host.net.connect({ host: 'redis.example', port: 22 })), network),
  ).rejects.toEqual(denied('redis.example:22 is not granted'));
  server.close();
});
