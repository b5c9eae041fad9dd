import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { EGRESS_REFUSAL_HEADER } from '@bulkhead/proto/rules';
import { parseRefusal, type EgressRefusal } from './refusal.js';

/** Destinations whose last refusal is remembered; the oldest goes first. */
const MAX_REFUSALS = 256;

interface Seen {
  readonly refusal: EgressRefusal;
  readonly serial: number;
}

/**
 * A loopback port for clients that know proxies only by host and port: it pipes each connection to the host's proxy.
 * It listens in on how an answer begins, because clients do not tell their callers why a proxy refused.
 */
export class Relay {
  readonly port: number;
  readonly #refusals: Map<string, Seen>;

  private constructor(port: number, refusals: Map<string, Seen>) {
    this.port = port;
    this.#refusals = refusals;
  }

  static async open(egressSocket: string): Promise<Relay> {
    const refusals = new Map<string, Seen>();
    let serial = 0;
    const note = (start: Buffer): void => {
      const refusal = refusalIn(start);
      if (refusal === undefined) return;
      refusals.delete(refusal.destination);
      refusals.set(refusal.destination, { refusal, serial: ++serial });
      const oldest = refusals.keys().next();
      if (refusals.size > MAX_REFUSALS && oldest.done !== true) refusals.delete(oldest.value);
    };
    const server = createServer({ allowHalfOpen: true }, (client) => {
      pipe(client, connect({ path: egressSocket, allowHalfOpen: true }), note);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    // It alone keeps no plugin alive.
    server.unref();
    return new Relay((server.address() as AddressInfo).port, refusals);
  }

  /** Grows with each refusal. */
  get serial(): number {
    return [...this.#refusals.values()].at(-1)?.serial ?? 0;
  }

  /** Why a request failed that began at `since`: the refusal of its destination, else, after a redirect, the last one. */
  refusalSince(since: number, destination: string): EgressRefusal | undefined {
    const recent = [...this.#refusals.values()].filter(({ serial }) => serial > since);
    const own = recent.find(({ refusal }) => refusal.destination === destination);
    return (own ?? recent.at(-1))?.refusal;
  }
}

function pipe(client: Socket, host: Socket, onFirst: (start: Buffer) => void): void {
  client.on('error', () => host.destroy());
  host.on('error', () => client.destroy());
  client.once('close', () => host.destroy());
  host.once('close', () => client.destroy());
  host.once('data', onFirst);
  client.pipe(host).pipe(client);
}

/** The proxy writes a refusal in one piece. */
function refusalIn(start: Buffer): EgressRefusal | undefined {
  if (!start.toString('latin1', 0, 10).startsWith('HTTP/1.1 ') || start[9] === '2'.charCodeAt(0))
    return undefined;
  const text = start.toString('utf8');
  const end = text.indexOf('\r\n\r\n');
  if (end < 0 || !text.slice(0, end).toLowerCase().includes(`\n${EGRESS_REFUSAL_HEADER}:`)) return undefined;
  return parseRefusal(text.slice(end));
}
