import { StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { createSseRewriter } from './sse-rewriter.js';
import type { Fetch } from '../sidecar/egress/granted-fetch.js';
import type { MessageStash } from './message-stash.js';

export interface HttpTransportOptions {
  readonly url: string;
  /** Sent with each request, for example credentials that the operator configured. */
  readonly headers: Readonly<Record<string, string>>;
  /** Longest message that is read. */
  readonly maxMessageBytes: number;
  readonly stash: MessageStash;
  /** Default: the global one. */
  readonly fetch?: Fetch;
  /** A request failed on the way, or the stream of server messages broke: the server may be gone. */
  readonly onSuspect: (reason: string) => void;
}

const JSON_TYPE = /^application\/json\b/i;
const SSE_TYPE = /^text\/event-stream\b/i;
/** What the protocol package writes last in a request; see {@link requestIdOf}. */
const TRAILING_ID = /,"id":(\d+)\}$/;
const TRAILING_ID_CHARS = 40;

/** The protocol package's Streamable HTTP transport, with a fetch that keeps numbers and notes which stream a message came on. */
export function createHttpTransport(options: HttpTransportOptions): StreamableHTTPClientTransport {
  return new StreamableHTTPClientTransport(new URL(options.url), {
    requestInit: { headers: { ...options.headers } },
    fetch: createExactFetch(options),
  });
}

function createExactFetch(options: HttpTransportOptions): typeof fetch {
  return async (input, init) => {
    let response: Response;
    try {
      response = await fetchAtHome(options.fetch ?? fetch, input, init);
    } catch (error) {
      if (init?.signal?.aborted !== true)
        options.onSuspect(`${init?.method ?? 'GET'} failed: ${reasonOf(error)}`);
      throw error;
    }
    if (
      response.status === 404 ||
      response.status === 502 ||
      response.status === 503 ||
      response.status === 504
    ) {
      options.onSuspect(`${init?.method ?? 'GET'} was answered ${String(response.status)}`);
    }
    if (!response.ok || response.body === null) return response;
    const type = response.headers.get('content-type') ?? '';
    const related =
      init?.method === 'POST' && typeof init.body === 'string' ? requestIdOf(init.body) : undefined;
    if (SSE_TYPE.test(type)) return rewriteStream(response, response.body, related, init, options);
    if (JSON_TYPE.test(type)) return rewriteBody(response, related, options);
    return response;
  };
}

/**
 * Follows one redirect that keeps method and body, and only to the same origin: the operator's credentials are for the
 * server that the operator named, and for no other.
 */
async function fetchAtHome(
  ask: Fetch,
  input: string | URL | Request,
  init: RequestInit | undefined,
): Promise<Response> {
  const response = await ask(input, { ...init, redirect: 'manual' });
  const location = response.headers.get('location');
  if (response.status < 300 || response.status > 399 || location === null) return response;
  await response.body?.cancel();
  const from = new URL(input instanceof Request ? input.url : input);
  const to = URL.parse(location, from.href);
  if (to?.origin === from.origin && (response.status === 307 || response.status === 308))
    return ask(to.href, { ...init, redirect: 'error' });
  throw new Error(
    `the server redirects to ${to?.origin ?? 'an address that is none'}, which is not followed; set its url to where it serves`,
  );
}

/** The id that the protocol package gave to the request in this body; it writes it as the last member. */
function requestIdOf(body: string): number | undefined {
  const match = TRAILING_ID.exec(body.slice(-TRAILING_ID_CHARS));
  return match?.[1] === undefined ? undefined : Number(match[1]);
}

function rewriteStream(
  response: Response,
  body: ReadableStream<Uint8Array>,
  related: number | undefined,
  init: RequestInit | undefined,
  options: HttpTransportOptions,
): Response {
  const rewriter = createSseRewriter((data) => options.stash.put(data, related), options.maxMessageBytes);
  const suspect = (reason: string): void => {
    if (init?.signal?.aborted !== true) options.onSuspect(reason);
  };
  body.pipeTo(rewriter.writable).then(
    () => {
      // An answer's stream ends as it should; the one for the server's own messages should not.
      if (init?.method !== 'POST') suspect('the stream of server messages ended');
    },
    (error: unknown) => {
      suspect(`a stream broke: ${reasonOf(error)}`);
    },
  );
  return new Response(rewriter.readable, {
    status: response.status,
    headers: withoutFraming(response.headers),
  });
}

async function rewriteBody(
  response: Response,
  related: number | undefined,
  options: HttpTransportOptions,
): Promise<Response> {
  const text = await readText(response, options.maxMessageBytes);
  return new Response(options.stash.put(text, related), {
    status: response.status,
    headers: withoutFraming(response.headers),
  });
}

async function readText(response: Response, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > maxBytes) throw new Error(`the answer is longer than ${String(maxBytes)} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function withoutFraming(headers: Headers): Headers {
  const kept = new Headers(headers);
  kept.delete('content-length');
  kept.delete('content-encoding');
  return kept;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
