import { Client, type StandardSchemaV1, type Transport } from '@modelcontextprotocol/client';
import { BulkheadError, ErrorCode, isBulkheadError } from '@bulkhead/proto';
import type { JsonObject } from '@bulkhead/proto/json';
import type { Clock } from '../clock.js';
import { HOST_VERSION } from '../version.js';
import type { Caller } from './caller.js';
import type { MessageStash } from './message-stash.js';
import { RelayTransport, type OutboundCall, type RelayListener } from './relay-transport.js';
import { RpcCode, RpcError } from './rpc-error.js';

export interface RequestOptions {
  /** On whose behalf; absent for the host's own requests. */
  readonly caller?: Caller;
  readonly signal?: AbortSignal;
  /** Asks the upstream for progress; called before the answer settles, `progressToken` is the host's own. */
  readonly onProgress?: (params: JsonObject) => void;
  /** Without an answer or progress for so long, the request is cancelled. */
  readonly timeoutMs: number;
  /** Extra HTTP headers; ignored by a stdio upstream. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ConnectionOptions {
  readonly name: string;
  readonly transport: Transport;
  readonly stash?: MessageStash;
  readonly listener: RelayListener;
  readonly startTimeoutMs: number;
  readonly clock: Clock;
  readonly onError: (error: Error) => void;
}

/** One live connection to an upstream server, past its handshake. */
export interface Connection {
  /** What it answered to `initialize`, with every field. */
  readonly initialized: JsonObject;
  /** Settles when the connection is gone; never rejects. */
  readonly lost: Promise<void>;
  /** @throws RpcError as the upstream answered; BulkheadError UPSTREAM_UNAVAILABLE, DEADLINE_EXCEEDED, CANCELLED */
  request(method: string, params: JsonObject | undefined, options: RequestOptions): Promise<JsonObject>;
  notify(method: string, params: JsonObject | undefined): Promise<void>;
  close(): Promise<void>;
}

/** Takes the answer as it is: what the gateway does not understand must survive it. */
const RAW: StandardSchemaV1<JsonObject> = {
  '~standard': { version: 1, vendor: 'bulkhead', validate: (value) => ({ value: value as JsonObject }) },
};
/** The gateway's own timer decides; the package's only has to be later. */
const NEVER_MS = 0x7fff_ffff;
/** However much progress it reports, a request ends here. */
const MAX_REQUEST_MS = 60 * 60_000;

/** Connects and shakes hands, or rejects after closing everything. */
export async function connect(options: ConnectionOptions): Promise<Connection> {
  const relay = new RelayTransport(options.transport, options.listener, options.stash);
  const client = new Client(
    { name: 'bulkhead', version: HOST_VERSION },
    { capabilities: { sampling: { tools: {}, context: {} }, elicitation: { form: {}, url: {} }, roots: {} } },
  );
  let gone = (): void => {};
  const lost = new Promise<void>((resolve) => {
    gone = resolve;
  });
  client.onclose = () => {
    gone();
  };
  client.onerror = options.onError;
  client.fallbackRequestHandler = async (request, ctx) => {
    const attribution = relay.takeAttribution(ctx.mcpReq.id);
    // Servers ask for roots as soon as they are connected, before any client came: then there are none.
    if (attribution.kind === 'nobody' && request.method === 'roots/list') return { roots: [] };
    if (attribution.kind !== 'caller') {
      throw new RpcError(
        RpcCode.METHOD_NOT_FOUND,
        attribution.kind === 'nobody'
          ? `${request.method}: no client request is in progress that this could be for`
          : `${request.method}: several clients have requests in progress, and it cannot be told for which one this is`,
      );
    }
    const params = request.params as JsonObject | undefined;
    return await attribution.caller.request(request.method, params, ctx.mcpReq.signal);
  };
  try {
    await client.connect(relay, { timeout: options.startTimeoutMs });
  } catch (cause) {
    await options.transport.close().catch(() => {});
    if (isBulkheadError(cause)) throw cause;
    throw new BulkheadError(
      ErrorCode.UPSTREAM_UNAVAILABLE,
      `upstream '${options.name}': ${messageOf(cause)}`,
      { cause },
    );
  }
  let nextToken = 0;
  return {
    initialized: relay.initialized ?? {},
    lost,
    request(method, params, request) {
      const progressToken = request.onProgress === undefined ? undefined : `bulkhead-${String(nextToken++)}`;
      return track(options, relay, client, method, params, request, progressToken);
    },
    notify: (method, params) => client.notification({ method, ...(params === undefined ? {} : { params }) }),
    close: () => client.close(),
  };
}

async function track(
  { name, clock }: ConnectionOptions,
  relay: RelayTransport,
  client: Client,
  method: string,
  params: JsonObject | undefined,
  options: RequestOptions,
  progressToken: string | undefined,
): Promise<JsonObject> {
  const abort = new AbortController();
  let timedOut = false;
  let silence = clock.after(options.timeoutMs, expire);
  const total = clock.after(MAX_REQUEST_MS, expire);
  function expire(): void {
    timedOut = true;
    abort.abort(`no answer to ${method} in time`);
  }
  const onAbort = (): void => {
    abort.abort(options.signal?.reason ?? 'the caller went away');
  };
  if (options.signal?.aborted === true) onAbort();
  options.signal?.addEventListener('abort', onAbort, { once: true });
  const call: OutboundCall = {
    caller: options.caller,
    progressToken,
    onProgress:
      options.onProgress === undefined
        ? undefined
        : (progress) => {
            silence();
            silence = clock.after(options.timeoutMs, expire);
            options.onProgress?.(progress);
          },
  };
  try {
    abort.signal.throwIfAborted();
    return await relay.attach(call, () =>
      client.request({ method, ...withToken(params, progressToken) }, RAW, {
        signal: abort.signal,
        timeout: NEVER_MS,
        ...(options.headers === undefined ? {} : { headers: { ...options.headers } }),
      }),
    );
  } catch (error) {
    throw translate(error, name, method, abort.signal.aborted, timedOut);
  } finally {
    silence();
    total();
    options.signal?.removeEventListener('abort', onAbort);
    relay.release(call);
  }
}

function withToken(
  params: JsonObject | undefined,
  progressToken: string | undefined,
): { params?: Record<string, unknown> } {
  if (progressToken === undefined) return params === undefined ? {} : { params };
  const meta = params?.['_meta'];
  return { params: { ...params, _meta: { ...(typeof meta === 'object' ? meta : {}), progressToken } } };
}

function translate(error: unknown, name: string, method: string, aborted: boolean, timedOut: boolean): Error {
  if (timedOut) {
    return new BulkheadError(
      ErrorCode.DEADLINE_EXCEEDED,
      `upstream '${name}' did not answer ${method} in time`,
      { cause: error },
    );
  }
  if (aborted) return new BulkheadError(ErrorCode.CANCELLED, `${method} was cancelled`, { cause: error });
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  if (error instanceof Error && typeof code === 'number') {
    return new RpcError(code, error.message, 'data' in error ? error.data : undefined);
  }
  return new BulkheadError(
    ErrorCode.UPSTREAM_UNAVAILABLE,
    `upstream '${name}' is not available: ${messageOf(error)}`,
    {
      cause: error,
      retryable: true,
    },
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
