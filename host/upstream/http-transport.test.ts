import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { createHttpTransport } from './http-transport.js';
import { createMessageStash } from './message-stash.js';

async function listen(listener: RequestListener): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  return {
    url,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function ping(url: string): Promise<void> {
  const stash = createMessageStash();
  const headers = { 'x-api-key': 'secret' };
  const options = { url, headers, maxMessageBytes: 1_000, stash, onSuspect: () => undefined };
  const transport = createHttpTransport(options);
  await transport.start();
  try {
    await transport.send({ jsonrpc: '2.0', id: 1, method: 'ping' });
  } finally {
    await transport.close();
  }
}

test('credentials do not follow a redirect to another origin', async () => {
  const asked: unknown[] = [];
  await using other = await listen(({ headers }, response) => {
    asked.push(headers);
    response.end();
  });
  await using server = await listen((_, response) => {
    response.writeHead(307, { location: `${other.url}/mcp` }).end();
  });
  await expect(ping(`${server.url}/mcp`)).rejects.toThrow(/redirects to .*set its url/);
  expect(asked).toEqual([]);
});

test('a redirect to another path of the server is followed, body and all', async () => {
  const asked: string[] = [];
  await using server = await listen((request, response) => {
    asked.push(`${request.url ?? ''} ${request.headers['content-length'] ?? 'without'}`);
    if (request.url === '/mcp') response.writeHead(308, { location: '/mcp/' }).end();
    else response.writeHead(202).end();
  });
  await ping(`${server.url}/mcp`);
  expect(asked).toEqual(['/mcp 40', '/mcp/ 40']);
});
