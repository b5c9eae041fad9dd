import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { canonicalHost, parsePrivateRule, type PrivateRule } from '@bulkhead/proto/rules';
import { answering } from '../../sidecar/egress/dial.js';
import { createResolver, lookupBySystem, type Lookup, type Resolved } from '../../sidecar/egress/resolve.js';

export interface HttpCall {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

export interface HttpBounds {
  readonly timeoutMs: number;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

export interface HttpClientOptions {
  /** Names, addresses and ranges outside the public internet that may be asked. */
  readonly allowPrivate: () => readonly string[];
  /** Where operators say so, for messages. */
  readonly setting: string;
  /** Codes of its errors; default TOOL_FAILED for both. */
  readonly codes?: { readonly failed: ErrorCode; readonly tooLarge: ErrorCode };
  /** Default: as the host's system resolves names. */
  readonly lookup?: Lookup;
}

/** Asks servers in the public internet, and where operators allow it. */
export type HttpClient = (url: URL, call: HttpCall, bounds: HttpBounds) => Promise<HttpAnswer>;

const MAX_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };

/**
 * @returns a client that follows redirects to the same origin only, and only of requests that can be repeated.
 * It throws `codes`, DEADLINE_EXCEEDED, CANCELLED.
 */
export function createHttpClient({
  allowPrivate,
  setting,
  codes = { failed: ErrorCode.TOOL_FAILED, tooLarge: ErrorCode.TOOL_FAILED },
  lookup = lookupBySystem,
}: HttpClientOptions): HttpClient {
  const failed = (message: string): BulkheadError => new BulkheadError(codes.failed, message);

  /** The addresses of a host that may be dialled: only these are, whatever the name leads to a moment later. */
  async function resolve(url: URL): Promise<Resolved['addresses']> {
    const host = canonicalHost(url.hostname);
    if (host === undefined) throw failed(`'${url.hostname}' is no host that can be asked`);
    const destination = { host, port: Number(url.port) || (DEFAULT_PORTS[url.protocol] ?? 0) };
    const rules = { allow: [{ ...destination, below: false }], allowPrivate: rulesOf(allowPrivate()) };
    const resolved = await createResolver(rules, lookup)(destination);
    if (resolved.kind === 'resolved') return resolved.addresses;
    throw failed(
      resolved.reason === 'PRIVATE_ADDRESS'
        ? `${url.host} is not in the public internet; an operator opens it with ${setting} in bulkhead.yaml`
        : resolved.message,
    );
  }

  async function ask(url: URL, call: HttpCall, signal: AbortSignal): Promise<IncomingMessage> {
    const addresses = await resolve(url);
    const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
    return new Promise((answered, reject) => {
      const headers = { ...call.headers, 'accept-encoding': 'identity' };
      const { method } = call;
      const options = { method, headers, lookup: answering(addresses), signal, agent: false };
      const sent = request(url, options, answered);
      sent.once('error', reject);
      sent.end(call.body);
    });
  }

  async function readText(response: IncomingMessage, maxBytes: number): Promise<string> {
    const encoding = response.headers['content-encoding'] ?? 'identity';
    if (encoding !== 'identity')
      throw failed(`the answer is encoded as ${encoding}, which was not asked for`);
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes)
        throw new BulkheadError(codes.tooLarge, `the answer has more than ${String(maxBytes)} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString('utf8');
  }

  async function follow(url: URL, call: HttpCall, maxBytes: number, signal: AbortSignal) {
    let at = url;
    for (let hops = 0; ; hops += 1) {
      const response = await ask(at, call, signal);
      const status = response.statusCode ?? 0;
      const { location, 'content-type': contentType = '' } = response.headers;
      if (!REDIRECTS.has(status) || location === undefined)
        return { status, contentType, text: await readText(response, maxBytes) };
      response.destroy();
      const next = URL.parse(location, at.href);
      if (next?.origin !== at.origin)
        throw failed(`${at.host} redirects to another origin, which is not followed`);
      if (call.method !== 'GET' && call.method !== 'HEAD')
        throw failed(`${at.host} redirects a ${call.method}, which is not repeated`);
      if (hops >= MAX_REDIRECTS)
        throw failed(`${at.host} redirects more than ${String(MAX_REDIRECTS)} times`);
      at = next;
    }
  }

  return async (url, call, { timeoutMs, maxBytes, signal }) => {
    const timeout = AbortSignal.timeout(timeoutMs);
    const either = AbortSignal.any([timeout, signal]);
    try {
      return await untilAborted(follow(url, call, maxBytes, either), either);
    } catch (error) {
      if (signal.aborted) throw new BulkheadError(ErrorCode.CANCELLED, 'the caller went away');
      if (timeout.aborted) {
        throw new BulkheadError(
          ErrorCode.DEADLINE_EXCEEDED,
          `${url.host} had no answer within ${String(timeoutMs)} ms`,
        );
      }
      const known = BulkheadError.from(error, codes.failed);
      throw known === error ? known : failed(`${url.host} could not be asked: ${known.message}`);
    }
  };
}

/** A name may take its time, and nothing stops the system's resolver. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => {
    aborted.reject(new Error('given up'));
  };
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  work.catch(() => {});
  return Promise.race([work, aborted.promise]).finally(() => {
    signal.removeEventListener('abort', onAbort);
  });
}

function rulesOf(lines: readonly string[]): readonly PrivateRule[] {
  return lines.flatMap((line) => {
    const parsed = parsePrivateRule(line);
    return parsed.ok ? [parsed.rule] : [];
  });
}
