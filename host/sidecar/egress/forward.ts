import {
  Agent,
  request,
  type ClientRequest,
  type ClientRequestArgs,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { formatDestination, parseDestination, type Destination } from '@bulkhead/proto/rules';
import type { Dialled } from './dial.js';
import { refused, type Refusal } from './refusal.js';

/** Idle connections end before a server that keeps them for the usual five seconds would end them. */
const POOL_IDLE_MS = 4_000;
const HTTP_PORT = 80;

/** Headers that concern one connection only. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Carries a refusal through an HTTP client's error. */
class Refused extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.message);
    this.refusal = refusal;
  }
}

type Dial = (destination: Destination) => Promise<Dialled | Refusal>;

export interface ForwardLimits {
  readonly maxConnections: number;
  readonly idleTimeoutMs: number;
}

/** Plain HTTP requests in absolute form, as proxies get them where no tunnel is asked for. */
export class Forwarder {
  readonly #agent: Agent;

  constructor(dial: Dial, limits: ForwardLimits) {
    this.#agent = new CheckedAgent(dial, limits.maxConnections, limits.idleTimeoutMs);
  }

  /** Sends a request on and its answer back; resolves when both are over, to what kept the request from being sent. */
  async forward(
    target: ForwardTarget,
    incoming: IncomingMessage,
    outgoing: ServerResponse,
  ): Promise<Refusal | undefined> {
    const { destination, path } = target;
    const upstream = request({
      agent: this.#agent,
      host: destination.host,
      port: destination.port,
      method: incoming.method,
      path,
      setHost: false,
      // The name that was checked, whatever the request's own Host says.
      headers: { ...endToEnd(incoming.headersDistinct), host: hostHeader(destination) },
    });
    outgoing.once('close', () => upstream.destroy());
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      upstream.once('response', resolve);
      upstream.on('error', reject);
    });
    // Its failure shows as a failure of the request, or ends with the client.
    const sent = pipeline(incoming, upstream).catch(() => {});
    try {
      const answer = await answered;
      outgoing.writeHead(answer.statusCode ?? 502, answer.statusMessage, endToEnd(answer.headersDistinct));
      await pipeline(answer, outgoing);
      await sent;
      return undefined;
    } catch (error) {
      if (error instanceof Refused) return error.refusal;
      if (outgoing.headersSent || outgoing.destroyed) {
        outgoing.destroy();
        return undefined;
      }
      const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
      const message = `${formatDestination(destination)} ended the connection before it answered (${code})`;
      return refused('CONNECT_FAILED', message, destination);
    }
  }

  close(): void {
    this.#agent.destroy();
  }
}

export interface ForwardTarget {
  readonly destination: Destination;
  /** With the query. */
  readonly path: string;
}

/** Where an absolute-form request goes; undefined when it is none, or not for plain HTTP. */
export function parseForwardTarget(text: string | undefined): ForwardTarget | undefined {
  if (text === undefined || !/^http:\/\//i.test(text) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  const destination = parseDestination(`${url.hostname}:${url.port === '' ? HTTP_PORT : url.port}`);
  if (destination === undefined || url.username !== '' || url.password !== '') return undefined;
  return { destination, path: `${url.pathname}${url.search}` };
}

/** A pool whose connections are dialled through the grant. */
class CheckedAgent extends Agent {
  readonly #dial: Dial;
  readonly #idleTimeoutMs: number;

  constructor(dial: Dial, maxTotalSockets: number, idleTimeoutMs: number) {
    super({ keepAlive: true, maxTotalSockets });
    this.#dial = dial;
    this.#idleTimeoutMs = idleTimeoutMs;
  }

  override createConnection(
    options: ClientRequestArgs,
    done?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    const destination = { host: String(options.host), port: Number(options.port) };
    void this.#dial(destination).then((dialled) => {
      if (dialled.kind === 'dialled') done?.(null, dialled.socket);
      // An error comes without a stream; only the type wants one.
      else done?.(new Refused(dialled), new Duplex());
    });
    return undefined;
  }

  override keepSocketAlive(stream: Duplex): boolean {
    if (stream instanceof Socket) stream.setTimeout(POOL_IDLE_MS);
    return true;
  }

  override reuseSocket(stream: Duplex, next: ClientRequest): void {
    if (stream instanceof Socket) stream.setTimeout(this.#idleTimeoutMs);
    super.reuseSocket(stream, next);
  }
}

function endToEnd(headers: NodeJS.Dict<string[]>): Record<string, string[]> {
  const named = new Set(
    (headers['connection'] ?? []).flatMap((value) => value.toLowerCase().split(/\s*,\s*/)),
  );
  const kept: Record<string, string[]> = {};
  for (const [name, values] of Object.entries(headers)) {
    if (values !== undefined && !HOP_BY_HOP.has(name) && !named.has(name)) kept[name] = values;
  }
  return kept;
}

function hostHeader(destination: Destination): string {
  const text = formatDestination(destination);
  return destination.port === HTTP_PORT ? text.slice(0, -`:${HTTP_PORT}`.length) : text;
}
