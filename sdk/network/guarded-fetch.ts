import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { EGRESS_REFUSAL_HEADER } from '@bulkhead/proto/rules';
import type { RuntimeClock } from '../runtime/clock.js';
import { REQUEST_TIMEOUT_MS, type HttpClient, type HttpOptions } from './client.js';
import { parseRefusal, refusalError } from './refusal.js';
import type { Relay } from './relay.js';

export type Fetch = HttpClient['fetch'];

export interface GuardOptions {
  /** The platform's own. */
  readonly fetch: typeof globalThis.fetch;
  readonly clock: RuntimeClock;
  /** The signal of the call that is being handled, if one is. */
  readonly callSignal: () => AbortSignal | undefined;
  /** Tells why the host's proxy refused. Absent: there is no proxy in between. */
  readonly relay?: Relay;
}

/** `fetch` with a time limit, the call's cancellation, and the host's word on what it refused. */
export function guardFetch(options: GuardOptions): Fetch {
  const { relay } = options;
  return async (input, init) => {
    const destination = destinationOf(input);
    if (destination === undefined) return options.fetch(input, init);
    const since = relay?.serial ?? 0;
    const limit = startLimit(init?.timeoutMs ?? REQUEST_TIMEOUT_MS, destination, options.clock);
    const signal = AbortSignal.any([
      limit.signal,
      ...signalsOf(input, init),
      ...ofCall(options.callSignal()),
    ]);
    let response: Response;
    try {
      response = await options.fetch(input, { ...init, signal });
    } catch (error) {
      limit.end();
      const refusal = signal.aborted ? undefined : relay?.refusalSince(since, destination);
      if (refusal === undefined) throw error;
      const why = refusalError(refusal);
      throw why instanceof BulkheadError
        ? why
        : new TypeError(`fetch failed: ${why.message}`, { cause: why });
    }
    await refuseFromProxy(response, relay);
    // The body is under the same limit; a timer that fires after it was read aborts nothing.
    return response;
  };
}

/** `host:port` of an http or https request; undefined for data: and the like, which no network is asked for. */
export function destinationOf(input: string | URL | Request): string | undefined {
  const text = input instanceof Request ? input.url : String(input);
  if (!URL.canParse(text)) return undefined;
  const { protocol, hostname, port } = new URL(text);
  if (protocol === 'https:') return `${hostname}:${port === '' ? '443' : port}`;
  return protocol === 'http:' ? `${hostname}:${port === '' ? '80' : port}` : undefined;
}

/** A plain HTTP request gets the refusal as an ordinary answer. */
async function refuseFromProxy(response: Response, relay: Relay | undefined): Promise<void> {
  if (relay === undefined || response.ok || !response.headers.has(EGRESS_REFUSAL_HEADER)) return;
  // Through a tunnel the header is some server's own.
  if (!response.url.startsWith('http:')) return;
  const refusal = parseRefusal(await response.text());
  if (refusal !== undefined) throw refusalError(refusal);
}

function signalsOf(input: string | URL | Request, init: HttpOptions | undefined): readonly AbortSignal[] {
  if (init?.signal !== undefined && init.signal !== null) return [init.signal];
  return input instanceof Request ? [input.signal] : [];
}

function ofCall(signal: AbortSignal | undefined): readonly AbortSignal[] {
  return signal === undefined ? [] : [signal];
}

function startLimit(
  timeoutMs: number,
  destination: string,
  clock: RuntimeClock,
): { readonly signal: AbortSignal; end(): void } {
  const controller = new AbortController();
  const end = clock.after(timeoutMs, () => {
    const message = `${destination}: the request took more than ${timeoutMs} ms; pass timeoutMs where that is expected`;
    controller.abort(new BulkheadError(ErrorCode.DEADLINE_EXCEEDED, message, { retryable: true }));
  });
  return { signal: controller.signal, end };
}
