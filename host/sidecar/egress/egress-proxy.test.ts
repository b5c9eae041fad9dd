import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, createServer, request, type IncomingMessage, type Server } from 'node:http';
import {
  connect,
  createServer as createTcpServer,
  type AddressInfo,
  type Server as TcpServer,
  type Socket,
} from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../clock.test-support.js';
import { systemClock } from '../../clock.js';
import { LogTape } from '../launch.test-support.js';
import { startEgressProxy, type EgressOptions, type EgressProxy } from './egress-proxy.js';
import type { Refusal } from './refusal.js';

let directory: string;
let tape: LogTape;
let refusals: Refusal[];
const closers: (() => void)[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'bh-egress-'));
  tape = new LogTape();
  refusals = [];
});

afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
  rmSync(directory, { recursive: true });
});

const path = (): string => join(directory, 'egress.sock');

async function proxy(
  allow: readonly string[],
  allowPrivate: readonly string[] = ['127.0.0.0/8'],
  change: Partial<EgressOptions> = {},
): Promise<EgressProxy> {
  const started = await startEgressProxy({
    socketPath: path(),
    grant: { allow, allowPrivate },
    log: tape.log.child({ plugin: 'probe' }),
    clock: systemClock,
    onRefused: (refusal) => refusals.push(refusal),
    ...change,
  });
  closers.push(() => {
    started.close();
  });
  return started;
}

/** A server that says back what it hears. */
async function echoServer(): Promise<number> {
  const server = createTcpServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  return listening(server);
}

async function httpServer(handle: (request: IncomingMessage, body: string) => object): Promise<number> {
  const server = createServer((incoming, response) => {
    void text(incoming).then((body) => {
      response.setHeader('x-from', 'upstream');
      response.end(JSON.stringify(handle(incoming, body)));
    });
  });
  return listening(server);
}

async function listening(server: Server | TcpServer): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

interface Answer {
  readonly status: number;
  readonly reason: unknown;
  readonly socket: Socket;
  readonly body: string;
}

async function tunnel(target: string, headers: Record<string, string> = {}): Promise<Answer> {
  const asking = request({
    socketPath: path(),
    method: 'CONNECT',
    path: target,
    agent: false,
    headers,
  }).end();
  const [response, socket, head] = (await once(asking, 'connect')) as [IncomingMessage, Socket, Buffer];
  closers.push(() => socket.destroy());
  const status = response.statusCode ?? 0;
  const rest = status === 200 ? '' : await text(socket);
  return { status, reason: response.headers['x-bulkhead-egress'], socket, body: head.toString() + rest };
}

async function get(
  url: string,
  options: object = {},
  body = '',
): Promise<{ status: number; headers: IncomingMessage['headers']; text: string }> {
  const asking = request({ socketPath: path(), path: url, agent: false, ...options });
  asking.end(body);
  const [response] = (await once(asking, 'response')) as [IncomingMessage];
  return { status: response.statusCode ?? 0, headers: response.headers, text: await text(response) };
}

test('a granted destination is tunnelled both ways, and its bytes are counted', async () => {
  const port = await echoServer();
  const egress = await proxy([`127.0.0.1:${port}`]);
  const { status, socket } = await tunnel(`127.0.0.1:${port}`);
  expect(status).toBe(200);
  socket.end('hello');
  expect(await text(socket)).toBe('hello');
  await expect
    .poll(() => egress.stats())
    .toEqual({ open: 0, total: 1, refused: 0, bytesSent: 5, bytesReceived: 5 });
});

test('host and port must both be granted; the refusal is a typed 403, logged with plugin, host and port', async () => {
  const port = await echoServer();
  await proxy([`127.0.0.1:${port}`]);
  for (const target of [`127.0.0.1:${port + 1}`, `localhost:${port}`, 'example.com:443']) {
    const { status, reason, body } = await tunnel(target);
    expect({ status, reason }).toEqual({ status: 403, reason: 'NOT_GRANTED' });
    expect(JSON.parse(body)).toMatchObject({
      destination: target,
      message: expect.stringContaining('permissions.network') as unknown,
    });
    expect(tape.entries).toContainEqual(
      expect.objectContaining({ plugin: 'probe', destination: target, reason: 'NOT_GRANTED' }),
    );
  }
  expect(refusals.map(({ destination }) => destination?.host)).toEqual([
    '127.0.0.1',
    'localhost',
    'example.com',
  ]);
});

test('a name that nobody granted is not even looked up', async () => {
  const asked: string[] = [];
  await proxy(['good.example:443'], [], {
    lookup: (name) => {
      asked.push(name);
      return Promise.resolve([]);
    },
  });
  await tunnel('secret-data.evil.example:443');
  expect(asked).toEqual([]);
});

test.each([
  ['loopback', '127.0.0.1'],
  ['private', '10.1.2.3'],
  ['metadata', '169.254.169.254'],
  ['mapped loopback', '::ffff:127.0.0.1'],
  ['NAT64 of a private address', '64:ff9b::a00:1'],
  ['unique local', 'fd00::1'],
])('a granted name that leads to a %s address is refused', async (_kind, address) => {
  await proxy(['api.example:443'], [], {
    lookup: () => Promise.resolve([{ address, family: address.includes(':') ? 6 : 4 }]),
  });
  const { status, reason, body } = await tunnel('api.example:443');
  expect({ status, reason }).toEqual({ status: 403, reason: 'PRIVATE_ADDRESS' });
  expect(body).toContain('network_private');
});

test('a literal private address in the grant is refused too, until the operator opens it', async () => {
  const port = await echoServer();
  const closed = await proxy([`127.0.0.1:${port}`], []);
  expect((await tunnel(`127.0.0.1:${port}`)).reason).toBe('PRIVATE_ADDRESS');
  closed.close();
  await proxy([`127.0.0.1:${port}`], ['127.0.0.1']);
  expect((await tunnel(`127.0.0.1:${port}`)).status).toBe(200);
});

test('a name that the operator opened reaches a private address, but never a metadata server', async () => {
  const port = await echoServer();
  let address = '127.0.0.1';
  await proxy([`redis.internal:${port}`], ['redis.internal'], {
    lookup: () => Promise.resolve([{ address, family: 4 }]),
  });
  expect((await tunnel(`redis.internal:${port}`)).status).toBe(200);
  address = '169.254.169.254';
  expect((await tunnel(`redis.internal:${port}`)).reason).toBe('PRIVATE_ADDRESS');
});

test('a name is looked up once, and what was checked is what is dialled', async () => {
  const port = await echoServer();
  let asked = 0;
  // The second answer would be the attacker's.
  await proxy([`rebinding.example:${port}`], ['127.0.0.1'], {
    lookup: () => Promise.resolve([{ address: asked++ === 0 ? '127.0.0.1' : '127.0.0.2', family: 4 }]),
  });
  const { status } = await tunnel(`rebinding.example:${port}`);
  expect(status).toBe(200);
  expect(asked).toBe(1);
});

test('of several addresses only those that may be reached are dialled', async () => {
  const port = await echoServer();
  await proxy([`mixed.example:${port}`], ['127.0.0.1'], {
    lookup: () =>
      Promise.resolve([
        { address: '10.0.0.1', family: 4 },
        { address: '127.0.0.1', family: 4 },
      ]),
  });
  const { status, socket } = await tunnel(`mixed.example:${port}`);
  expect(status).toBe(200);
  socket.end('x');
  expect(await text(socket)).toBe('x');
});

test('a plain request in absolute form passes the same list, with the Host that was checked', async () => {
  const port = await httpServer((incoming, body) => ({
    url: incoming.url,
    host: incoming.headers.host,
    body,
    headers: incoming.headers,
  }));
  await proxy([`127.0.0.1:${port}`]);
  const {
    status,
    headers,
    text: answer,
  } = await get(
    `http://127.0.0.1:${port}/a?b=c`,
    {
      method: 'POST',
      headers: {
        host: 'admin.internal',
        'proxy-authorization': 'Basic eA==',
        connection: 'x-hop',
        'x-hop': '1',
      },
    },
    'body',
  );
  expect(status).toBe(200);
  expect(headers['x-from']).toBe('upstream');
  const seen: unknown = JSON.parse(answer);
  expect(seen).toMatchObject({ url: '/a?b=c', host: `127.0.0.1:${port}`, body: 'body' });
  expect(seen).not.toHaveProperty('headers.x-hop');
  expect(seen).not.toHaveProperty('headers.proxy-authorization');

  const refusal = await get(`http://127.0.0.1:${port + 1}/`);
  expect([refusal.status, refusal.headers['x-bulkhead-egress']]).toEqual([403, 'NOT_GRANTED']);
});

test('connections to one destination are used again for plain requests', async () => {
  const port = await httpServer((incoming) => ({ port: incoming.socket.remotePort }));
  const egress = await proxy([`127.0.0.1:${port}`]);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  closers.push(() => {
    agent.destroy();
  });
  const first = await get(`http://127.0.0.1:${port}/`, { agent });
  expect((await get(`http://127.0.0.1:${port}/`, { agent })).text).toBe(first.text);
  expect(egress.stats().total).toBe(1);
});

test.each(['/path', 'https://example.com/', 'http://user:pass@example.com/', 'ftp://example.com/'])(
  'a request for %s is malformed',
  async (url) => {
    await proxy(['example.com:443', 'example.com:80']);
    const { status, headers } = await get(url);
    expect([status, headers['x-bulkhead-egress']]).toEqual([400, 'MALFORMED']);
  },
);

test.each(['example.com', 'example.com:0', 'example.com:70000', 'a b:443', 'user@example.com:443'])(
  'CONNECT %s is malformed',
  async (target) => {
    await proxy(['example.com:443']);
    const client = connect(path());
    client.end(`CONNECT ${target} HTTP/1.1\r\nhost: x\r\n\r\n`);
    expect(await text(client)).toMatch(/^HTTP\/1.1 400 MALFORMED/);
  },
);

test('a head that is too large ends with an answer', async () => {
  await proxy(['example.com:443']);
  const client = connect(path());
  client.on('error', () => {});
  client.write(`CONNECT example.com:443 HTTP/1.1\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`);
  expect(await text(client)).toMatch(/^HTTP\/1.1 400/);
});

test('one connection more than the limit is refused, and there is room again when one ends', async () => {
  const port = await echoServer();
  const egress = await proxy([`127.0.0.1:${port}`], ['127.0.0.1'], { limits: { maxConnections: 2 } });
  const target = `127.0.0.1:${port}`;
  const [first] = await Promise.all([tunnel(target), tunnel(target)]);
  const third = await tunnel(target);
  expect([third.status, third.reason]).toEqual([503, 'TOO_MANY_CONNECTIONS']);
  first.socket.destroy();
  await expect.poll(() => egress.stats().open).toBe(1);
  expect((await tunnel(target)).status).toBe(200);
});

test('a name that takes too long is given up', async () => {
  const clock = new FakeClock();
  const looking = Promise.withResolvers<void>();
  await proxy(['slow.example:443'], [], {
    clock,
    lookup: () => {
      looking.resolve();
      return new Promise(() => {});
    },
  });
  const answer = tunnel('slow.example:443');
  await looking.promise;
  clock.advance(10_000);
  expect(await answer).toMatchObject({ status: 504, reason: 'CONNECT_TIMEOUT' });
});

test('a silent connection ends', async () => {
  const port = await echoServer();
  await proxy([`127.0.0.1:${port}`], ['127.0.0.1'], { limits: { idleTimeoutMs: 50 } });
  const { socket } = await tunnel(`127.0.0.1:${port}`);
  await once(socket.resume(), 'close');
});

test('nobody listening is said as such', async () => {
  const port = await echoServer();
  closers.pop()?.();
  await proxy([`127.0.0.1:${port}`]);
  const { status, reason } = await tunnel(`127.0.0.1:${port}`);
  expect([status, reason]).toEqual([502, 'CONNECT_FAILED']);
});

test('closing ends every connection', async () => {
  const port = await echoServer();
  const egress = await proxy([`127.0.0.1:${port}`]);
  const { socket } = await tunnel(`127.0.0.1:${port}`);
  egress.close();
  egress.close();
  await once(socket.resume(), 'close');
  expect(egress.stats().open).toBe(0);
  await expect(tunnel(`127.0.0.1:${port}`)).rejects.toMatchObject({ code: 'ENOENT' });
});
