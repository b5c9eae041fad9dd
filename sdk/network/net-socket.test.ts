import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, expect, test } from 'vitest';
import { openSocket } from './net-socket.js';

const closers: (() => void)[] = [];

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function serve(handle: (socket: Socket) => void): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    closers.push(() => socket.destroy());
    handle(socket);
  }).listen(0, '127.0.0.1');
  closers.push(() => server.close());
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

const target = { host: 'redis.example', port: 6379 };
const dialling = (port: number) => async (): Promise<Socket> => {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
};

test('what is written before the connection is open arrives, in order, and the end too', async () => {
  const heard = Promise.withResolvers<string>();
  const port = await serve((socket) => {
    void text(socket).then((all) => {
      heard.resolve(all);
      socket.end('thanks');
    });
  });
  const socket = openSocket(target, dialling(port));
  expect([socket.connecting, socket.pending, socket.remoteAddress, socket.remotePort]).toEqual([
    true,
    true,
    'redis.example',
    6379,
  ]);
  socket.setNoDelay(true).setKeepAlive(true).write('a');
  socket.cork();
  for (const part of ['b', 'c', 'd']) socket.write(part);
  socket.uncork();
  socket.end('e');
  await once(socket, 'connect');
  expect(socket.connecting).toBe(false);
  expect(await text(socket)).toBe('thanks');
  expect(await heard.promise).toBe('abcde');
});

test('what was received is read to its end, though the connection is closed by then', async () => {
  const port = await serve((socket) => socket.end('hello'));
  const dialled = dialling(port)();
  const inner = await dialled;
  const closed = once(inner, 'close');
  const socket = openSocket(target, () => dialled);
  await closed;
  expect(await text(socket)).toBe('hello');
});

test('more than any buffer holds comes through to a slow reader', async () => {
  const size = 3_000_000;
  const port = await serve((socket) => socket.end(Buffer.alloc(size, 'x')));
  let length = 0;
  for await (const chunk of openSocket(target, dialling(port))) {
    length += (chunk as Buffer).length;
    await new Promise(setImmediate);
  }
  expect(length).toBe(size);
});

test('destroying it while it is being opened gives the dial up, without an error', async () => {
  const given = Promise.withResolvers<void>();
  const socket = openSocket(target, (_options, signal) => {
    signal.addEventListener('abort', () => {
      given.resolve();
    });
    return new Promise(() => {});
  });
  socket.destroy();
  await Promise.all([given.promise, once(socket, 'close')]);
});

test('a refusal comes as an error event, when whoever awaits a promise or two can listen', async () => {
  const socket = openSocket(target, () => Promise.reject(new Error('not granted')));
  await Promise.resolve();
  await Promise.resolve();
  const [error] = (await once(socket, 'error')) as [Error];
  expect(error.message).toBe('not granted');
  if (!socket.closed) await once(socket, 'close');
});

test('a connection that breaks ends it', async () => {
  const port = await serve((socket) => {
    socket.once('data', () => socket.resetAndDestroy());
  });
  const socket = openSocket(target, dialling(port));
  socket.write('x');
  await expect(text(socket)).rejects.toMatchObject({ code: 'ECONNRESET' });
});

test('silence is told by a timeout, as a socket tells it', async () => {
  const port = await serve(() => {});
  const socket = openSocket(target, dialling(port));
  socket.setTimeout(20);
  await once(socket, 'timeout');
  expect(socket.destroyed).toBe(false);
  socket.destroy();
});

test('a client may connect the socket that it was given, but nowhere else', async () => {
  const port = await serve((socket) => socket.end('hello'));
  expect(await text(openSocket(target, dialling(port)).connect(6379, 'redis.example'))).toBe('hello');
  const other = openSocket(target, dialling(port)).connect(22, 'redis.example');
  const [error] = (await once(other, 'error')) as [Error];
  expect(error.message).toContain('made for redis.example:6379');
});
