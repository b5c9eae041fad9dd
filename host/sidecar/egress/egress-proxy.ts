import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import { formatDestination, parseDestination, type Destination } from '@bulkhead/proto/rules';
import type { Logger } from 'pino';
import type { Clock } from '../../clock.js';
import { LogBudget } from '../log-budget.js';
import { dial, type Dialled } from './dial.js';
import { egressRules, type EgressGrant } from './egress-grant.js';
import { Forwarder, parseForwardTarget } from './forward.js';
import { refusalAnswer, refused, type Refusal } from './refusal.js';
import { createResolver, lookupBySystem, type Lookup } from './resolve.js';

export interface EgressLimits {
  /** Connections of one plugin at once. */
  readonly maxConnections: number;
  readonly connectTimeoutMs: number;
  /** No byte in either direction for so long ends a connection. */
  readonly idleTimeoutMs: number;
  /** How long a request's head may take, and how large it may be. */
  readonly headTimeoutMs: number;
  readonly maxHeadBytes: number;
}

export const DEFAULT_EGRESS_LIMITS: EgressLimits = {
  maxConnections: 256,
  connectTimeoutMs: 10_000,
  idleTimeoutMs: 900_000,
  headTimeoutMs: 10_000,
  maxHeadBytes: 16 * 1024,
};

export interface EgressOptions {
  readonly socketPath: string;
  readonly grant: EgressGrant;
  /** Says the plugin's name on each line. */
  readonly log: Logger;
  readonly clock: Clock;
  /** Takes each connection that was not made, besides the log; for the audit. */
  readonly onRefused?: (refusal: Refusal) => void;
  readonly lookup?: Lookup;
  readonly limits?: Partial<EgressLimits>;
}

export interface EgressStats {
  readonly open: number;
  readonly total: number;
  readonly refused: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

export interface EgressProxy {
  stats(): EgressStats;
  /** Ends the listener and every connection at once. A second call changes nothing. */
  close(): void;
}

/** Connections beyond the limit that are still told so, before more are dropped without a word. */
const REFUSAL_ROOM = 16;
const REFUSALS_PER_SECOND = 10;
const REFUSALS_AT_ONCE = 50;

/**
 * The way out of one plugin: an HTTP proxy on a Unix socket, for CONNECT and for plain requests in absolute form.
 * The plugin's process may have no network of its own; here its grant is checked, names are resolved, and only what
 * was checked is dialled.
 */
export async function startEgressProxy(options: EgressOptions): Promise<EgressProxy> {
  const proxy = new Proxy(options);
  await proxy.listen();
  return proxy;
}

class Proxy implements EgressProxy {
  readonly #options: EgressOptions;
  readonly #limits: EgressLimits;
  readonly #server;
  readonly #forwarder: Forwarder;
  readonly #resolve: ReturnType<typeof createResolver>;
  readonly #budget: LogBudget;
  readonly #sockets = new Set<Socket>();
  readonly #clients = new Set<Duplex>();
  #connecting = 0;
  #total = 0;
  #refused = 0;
  #bytesSent = 0;
  #bytesReceived = 0;

  constructor(options: EgressOptions) {
    this.#options = options;
    const limits = { ...DEFAULT_EGRESS_LIMITS, ...options.limits };
    this.#limits = limits;
    this.#resolve = createResolver(egressRules(options.grant), options.lookup ?? lookupBySystem);
    this.#forwarder = new Forwarder(
      (destination) => this.#dial(destination, new AbortController().signal),
      limits,
    );
    this.#budget = new LogBudget({
      clock: options.clock,
      linesPerSecond: REFUSALS_PER_SECOND,
      burstLines: REFUSALS_AT_ONCE,
      onDropped: (count) => {
        options.log.warn({ count }, 'more connections were refused than are logged one by one');
      },
    });
    this.#server = createServer(
      {
        maxHeaderSize: limits.maxHeadBytes,
        headersTimeout: limits.headTimeoutMs,
        // A body takes as long as it takes; silence ends by the idle limit.
        requestTimeout: 0,
        keepAliveTimeout: limits.headTimeoutMs,
      },
      (request, response) => void this.#forward(request, response),
    );
    this.#server.maxConnections = limits.maxConnections + REFUSAL_ROOM;
    this.#server.on('connection', (client: Socket) => {
      this.#clients.add(client);
      client.setTimeout(limits.idleTimeoutMs, () => client.destroy());
      client.once('close', () => this.#clients.delete(client));
    });
    this.#server.on('connect', (request: IncomingMessage, client: Duplex, head: Buffer) => {
      void this.#tunnel(request, client, head);
    });
    this.#server.on('clientError', (_error, client) => {
      answer(client, this.#refuse(malformed('a request that is not HTTP')));
    });
  }

  async listen(): Promise<void> {
    this.#server.listen(this.#options.socketPath);
    await once(this.#server, 'listening');
    // A failure to accept is the machine's; what is connected goes on.
    this.#server.on('error', (error) => {
      this.#options.log.error({ err: error }, 'the egress proxy could not accept a connection');
    });
  }

  stats(): EgressStats {
    let sent = this.#bytesSent;
    let received = this.#bytesReceived;
    for (const socket of this.#sockets) {
      sent += socket.bytesWritten;
      received += socket.bytesRead;
    }
    return {
      open: this.#sockets.size,
      total: this.#total,
      refused: this.#refused,
      bytesSent: sent,
      bytesReceived: received,
    };
  }

  close(): void {
    this.#server.close();
    this.#forwarder.close();
    for (const client of this.#clients) client.destroy();
    for (const socket of this.#sockets) socket.destroy();
    this.#budget.report();
  }

  async #tunnel(request: IncomingMessage, client: Duplex, head: Buffer): Promise<void> {
    client.on('error', () => client.destroy());
    const destination = parseDestination(request.url ?? '');
    if (destination === undefined) {
      answer(client, this.#refuse(malformed('CONNECT without host:port')));
      return;
    }
    const gone = new AbortController();
    const onClose = (): void => {
      gone.abort();
    };
    client.once('close', onClose);
    const dialled = await this.#dial(destination, gone.signal);
    client.off('close', onClose);
    if (dialled.kind === 'refused') {
      if (!client.destroyed) answer(client, this.#refuse(dialled));
      return;
    }
    const { socket } = dialled;
    if (client.destroyed) {
      socket.destroy();
      return;
    }
    client.write('HTTP/1.1 200 Connection established\r\n\r\n');
    if (head.length > 0) socket.write(head);
    client.once('close', () => socket.destroy());
    socket.once('close', () => client.destroy());
    client.pipe(socket).pipe(client);
  }

  async #forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => response.destroy());
    const target = parseForwardTarget(request.url);
    const kept =
      target === undefined
        ? malformed('a request that is neither CONNECT nor http:// in absolute form')
        : await this.#forwarder.forward(target, request, response);
    if (kept === undefined) return;
    const { status, headers, body } = refusalAnswer(this.#refuse(kept));
    if (!response.destroyed) response.writeHead(status, headers).end(body);
  }

  async #dial(destination: Destination, signal: AbortSignal): Promise<Dialled | Refusal> {
    const { maxConnections } = this.#limits;
    if (this.#sockets.size + this.#connecting >= maxConnections) {
      const message = `${formatDestination(destination)}: ${maxConnections} connections are open, which is the most that one plugin may have`;
      return refused('TOO_MANY_CONNECTIONS', message, destination);
    }
    this.#connecting += 1;
    try {
      const dialled = await dial(
        { ...this.#limits, clock: this.#options.clock, resolve: this.#resolve },
        destination,
        signal,
      );
      if (dialled.kind === 'dialled') this.#count(dialled.socket);
      return dialled;
    } finally {
      this.#connecting -= 1;
    }
  }

  #count(socket: Socket): void {
    this.#total += 1;
    this.#sockets.add(socket);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      this.#bytesSent += socket.bytesWritten;
      this.#bytesReceived += socket.bytesRead;
    });
  }

  #refuse(refusal: Refusal): Refusal {
    this.#refused += 1;
    const { reason, message, destination } = refusal;
    if (this.#budget.take()) {
      const target = destination === undefined ? '' : formatDestination(destination);
      this.#options.log.warn({ reason, destination: target }, `connection refused: ${message}`);
    }
    this.#options.onRefused?.(refusal);
    return refusal;
  }
}

function malformed(came: string): Refusal {
  return refused('MALFORMED', `expected CONNECT host:port or a request for http://…, got ${came}`);
}

function answer(client: Duplex, refusal: Refusal): void {
  const { status, headers, body } = refusalAnswer(refusal);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  client.end(`HTTP/1.1 ${status} ${refusal.reason}\r\n${lines.join('\r\n')}\r\n\r\n${body}`, () => {
    client.destroy();
  });
}
