import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { systemClock } from '../../clock.js';
import { createGrantedFetch, type Fetch } from './granted-fetch.js';
import type { Refusal } from './refusal.js';

async function listen(listener: RequestListener): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function fetchOf(port: number, change: { readonly allowPrivate?: readonly string[] } = {}) {
  const refusals: Refusal[] = [];
  const asked: string[] = [];
  const granted: Fetch = createGrantedFetch({
    grant: { allow: [`api.test:${String(port)}`], allowPrivate: change.allowPrivate ?? ['api.test'] },
    clock: systemClock,
    onRefused: (refusal) => refusals.push(refusal),
    lookup: (name) => {
      asked.push(name);
      return Promise.resolve([{ address: '127.0.0.1', family: 4 }]);
    },
  });
  return { granted, refusals, asked };
}

test('a request goes where the grant leads, with its method, headers and body', async () => {
  await using server = await listen((request, response) => {
    response.setHeader('set-cookie', ['a=1', 'b=2']);
    void (async () => {
      let body = '';
      for await (const chunk of request) body += String(chunk);
      response.end(`${request.method ?? ''} ${String(request.headers['x-mine'])} ${body}`);
    })();
  });
  const { granted } = fetchOf(server.port);
  const url = `http://api.test:${String(server.port)}/mcp`;
  const answer = await granted(url, { method: 'POST', headers: { 'x-mine': 'yes' }, body: '{}' });
  expect(await answer.text()).toBe('POST yes {}');
  expect(answer.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
  await expect(granted(url, { method: 'POST', body: new Uint8Array(1) })).rejects.toThrow(/expected a text/);
});

test('a destination that is not granted is refused before its name is looked up, and told', async () => {
  const { granted, refusals, asked } = fetchOf(80);
  for (const url of ['http://other.test/', 'https://api.test/', 'http://127.0.0.1/', 'ftp://api.test:80/']) {
    await expect(granted(url)).rejects.toMatchObject({ code: 'PERMISSION_DENIED', field: 'network' });
  }
  expect(asked).toEqual([]);
  expect(refusals.map(({ reason }) => reason)).toEqual(Array(4).fill('NOT_GRANTED'));
});

test('a granted name that leads into the host’s own network is refused unless it was opened', async () => {
  await using server = await listen((_request, response) => response.end('in'));
  const closed = fetchOf(server.port, { allowPrivate: [] });
  const url = `http://api.test:${String(server.port)}/`;
  await expect(closed.granted(url)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
  expect(closed.refusals).toMatchObject([{ reason: 'PRIVATE_ADDRESS' }]);
  expect(await (await fetchOf(server.port).granted(url)).text()).toBe('in');
});

test('a redirect is answered and not followed, and of a refusal only the start is read', async () => {
  await using server = await listen((request, response) => {
    if (request.url === '/away') response.writeHead(307, { location: 'http://169.254.169.254/' }).end();
    else {
      response.writeHead(500);
      const more = (): void => {
        while (response.write('x'.repeat(65_536)));
        response.once('drain', more);
      };
      more();
    }
  });
  const { granted } = fetchOf(server.port);
  const at = (path: string) => granted(`http://api.test:${String(server.port)}${path}`);
  expect((await at('/away')).status).toBe(307);
  const endless = await at('/endless');
  expect([endless.status, (await endless.text()).length]).toEqual([500, 65_536]);
});

test('a stream is read as it comes, and ends with its caller', async () => {
  const closed = Promise.withResolvers<undefined>();
  await using server = await listen((_request, response) => {
    response.once('close', () => {
      closed.resolve(undefined);
    });
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: 1\n\n');
  });
  const { granted } = fetchOf(server.port);
  const caller = new AbortController();
  const { body } = await granted(`http://api.test:${String(server.port)}/`, { signal: caller.signal });
  const reader = body?.getReader();
  expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('data: 1\n\n');
  caller.abort();
  await expect(reader?.read()).rejects.toThrow();
  await closed.promise;
});
