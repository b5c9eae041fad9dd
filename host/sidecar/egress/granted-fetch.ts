import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { Readable } from 'node:stream';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { canonicalHost, type Destination } from '@bulkhead/proto/rules';
import type { Clock } from '../../clock.js';
import { answering } from './dial.js';
import { egressRules, type EgressGrant } from './egress-grant.js';
import { refused, type Refusal } from './refusal.js';
import { createResolver, lookupBySystem, type HostAddress, type Lookup } from './resolve.js';

export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

export interface GrantedFetchOptions {
  readonly grant: EgressGrant;
  readonly clock: Clock;
  /** Hears of each request that was refused; for the audit. */
  readonly onRefused?: (refusal: Refusal) => void;
  /** Default: as the host's system resolves names. */
  readonly lookup?: Lookup;
}

/** From the question for the name to the head of the answer, in milliseconds. */
const HEAD_TIMEOUT_MS = 120_000;
/** What is read of an answer that says no, and for how long. */
const MAX_REFUSAL_BYTES = 64 * 1024;
const REFUSAL_TIMEOUT_MS = 5_000;
/** No byte of an answer for so long ends it, in milliseconds. */
const IDLE_TIMEOUT_MS = 900_000;
/** Requests at one time, answers that are still read among them. */
const MAX_OPEN = 256;
const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };

/**
 * `fetch` on behalf of a plugin, by the host itself: it goes where the plugin's network grant leads and nowhere else, to
 * the addresses that were checked, follows no redirect, and takes texts as bodies.
 */
export function createGrantedFetch(options: GrantedFetchOptions): Fetch {
  const { grant, clock, lookup = lookupBySystem } = options;
  const resolve = createResolver(egressRules(grant), lookup);
  let open = 0;
  const refuse = (refusal: Refusal): BulkheadError => {
    options.onRefused?.(refusal);
    return new BulkheadError(ErrorCode.PERMISSION_DENIED, refusal.message, { field: 'network' });
  };
  return async (input, init = {}) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const destination = destinationOf(url);
    if (destination === undefined) throw refuse(refused('NOT_GRANTED', `'${url.origin}' is no host to dial`));
    if (open >= MAX_OPEN)
      throw refuse(refused('TOO_MANY_CONNECTIONS', `${MAX_OPEN} requests are open already`, destination));
    open += 1;
    const ended = (): void => {
      open -= 1;
    };
    let response: IncomingMessage;
    try {
      const resolved = await resolve(destination);
      if (resolved.kind === 'refused') throw refuse(resolved);
      response = await ask(url, init, resolved.addresses, clock);
    } catch (error) {
      ended();
      throw error;
    }
    response.once('close', ended);
    response.setTimeout(IDLE_TIMEOUT_MS, () => response.destroy(new Error('nothing came for too long')));
    return answerOf(response, clock);
  };
}

function destinationOf({ protocol, hostname, port }: URL): Destination | undefined {
  const host = canonicalHost(hostname);
  const byDefault = DEFAULT_PORTS[protocol];
  if (host === undefined || byDefault === undefined) return undefined;
  return { host, port: port === '' ? byDefault : Number(port) };
}

function ask(
  url: URL,
  { method = 'GET', headers, body, signal }: RequestInit,
  addresses: readonly HostAddress[],
  clock: Clock,
): Promise<IncomingMessage> {
  if (body !== undefined && body !== null && typeof body !== 'string')
    throw new TypeError('expected a text as the body of a request');
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((answered, reject) => {
    const sent = request(url, {
      method,
      headers: { ...Object.fromEntries(new Headers(headers)), 'accept-encoding': 'identity' },
      // Only these are dialled, whatever the name leads to a moment later.
      lookup: answering(addresses),
      agent: false,
      ...(signal === undefined || signal === null ? {} : { signal }),
    });
    const cancel = clock.after(HEAD_TIMEOUT_MS, () => {
      sent.destroy(new Error(`${url.host} did not answer within ${HEAD_TIMEOUT_MS / 1_000} s`));
    });
    sent.once('response', (response) => {
      cancel();
      answered(response);
    });
    sent.once('error', (error) => {
      cancel();
      reject(error);
    });
    sent.end(body ?? undefined);
  });
}

async function answerOf(response: IncomingMessage, clock: Clock): Promise<Response> {
  const status = response.statusCode ?? 0;
  const headers = new Headers();
  for (const [name, values] of Object.entries(response.headersDistinct))
    for (const value of values ?? []) headers.append(name, value);
  if (status === 204 || status === 205 || status === 304) {
    response.destroy();
    return new Response(null, { status, headers });
  }
  const encoding = response.headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') {
    response.destroy();
    throw new Error(`the answer is encoded as ${encoding}, which was not asked for`);
  }
  if (status < 200 || status > 299) {
    const cancel = clock.after(REFUSAL_TIMEOUT_MS, () => response.destroy());
    return new Response(await readStart(response).finally(cancel), { status, headers });
  }
  return new Response(Readable.toWeb(response), { status, headers });
}

/** Nobody needs more of an answer that says no, and it may have no end. */
async function readStart(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= MAX_REFUSAL_BYTES) break;
  }
  return Buffer.concat(chunks).subarray(0, MAX_REFUSAL_BYTES).toString('utf8');
}
