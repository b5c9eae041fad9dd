import { request } from 'node:http';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { formatDestination } from '@bulkhead/proto/rules';
import { CONNECT_TIMEOUT_MS, type ConnectOptions } from './client.js';
import { parseRefusal, refusalError } from './refusal.js';

/** The most of a refusal's body that is read. */
const MAX_REFUSAL_BYTES = 16 * 1024;

/** Opens one connection; rejects with what the author is to see. */
export type Dial = (options: ConnectOptions, signal: AbortSignal) => Promise<Socket>;

/** Through the host's proxy. */
export function dialThrough(egressSocket: string): Dial {
  return (options, signal) =>
    withinTime(options, signal, async (during) => {
      const socket = await openTunnel(egressSocket, formatDestination(options), during);
      return secure(socket, options, during);
    });
}

/** Without a host that grants: straight to where the author wants. */
export const dialDirectly: Dial = (options, signal) =>
  withinTime(options, signal, async (during) => {
    const socket = connectTcp({ host: options.host, port: options.port, allowHalfOpen: true });
    await untilOpen(socket, 'connect', during);
    return secure(socket, options, during);
  });

function openTunnel(egressSocket: string, target: string, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const asking = request({
      socketPath: egressSocket,
      method: 'CONNECT',
      path: target,
      headers: { host: target },
      agent: false,
      signal,
    });
    asking.once('error', reject);
    asking.once('connect', (response, stream, head) => {
      // For CONNECT over a Unix socket Node hands over the socket itself.
      const socket = stream as Socket;
      if (head.length > 0) socket.unshift(head);
      if (response.statusCode === 200) resolve(socket);
      else void readRefusal(socket, target).then(reject, reject);
    });
    asking.end();
  });
}

async function readRefusal(socket: Socket, target: string): Promise<Error> {
  let text = '';
  for await (const chunk of socket.setEncoding('utf8')) {
    text += String(chunk);
    if (text.length > MAX_REFUSAL_BYTES) break;
  }
  const refusal = parseRefusal(text);
  return refusal === undefined
    ? new Error(`the host's proxy refused ${target} without a reason`)
    : refusalError(refusal);
}

async function secure(socket: Socket, { host, tls }: ConnectOptions, signal: AbortSignal): Promise<Socket> {
  if (tls === undefined || tls === false) return socket;
  const secured = connectTls({
    ...(isIP(host) === 0 ? { servername: host } : {}),
    host,
    ...(tls === true ? {} : tls),
    socket,
  });
  await untilOpen(secured, 'secureConnect', signal);
  return secured;
}

function untilOpen(socket: Socket, event: 'connect' | 'secureConnect', signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      socket.destroy();
      reject(signal.reason instanceof Error ? signal.reason : new Error('given up'));
    };
    const settle = (error?: Error): void => {
      signal.removeEventListener('abort', onAbort);
      socket.off('error', settle);
      if (error === undefined) resolve();
      else reject(error);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('error', settle);
    socket.once(event, () => {
      settle();
    });
    if (signal.aborted) onAbort();
  });
}

/** Gives up at the connection's own time-out, or when nobody wants it any more. */
async function withinTime(
  options: ConnectOptions,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<Socket>,
): Promise<Socket> {
  const { timeoutMs = CONNECT_TIMEOUT_MS } = options;
  const late = new AbortController();
  const timer = setTimeout(() => {
    const message = `${formatDestination(options)} did not answer within ${timeoutMs} ms`;
    late.abort(Object.assign(new Error(message), { code: 'ETIMEDOUT' }));
  }, timeoutMs);
  const either = AbortSignal.any([signal, late.signal]);
  try {
    return await work(either);
  } catch (error) {
    throw either.aborted && either.reason instanceof Error ? either.reason : error;
  } finally {
    clearTimeout(timer);
  }
}
