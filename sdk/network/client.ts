import type { Duplex } from 'node:stream';
import type { ConnectionOptions } from 'node:tls';

/** What `fetch` takes, and how long the request may take. */
export interface HttpOptions extends RequestInit {
  /** From the call to the last byte of the body, in milliseconds. Default: 30,000. */
  readonly timeoutMs?: number;
}

/** HTTP under the plugin's network grant. */
export interface HttpClient {
  /**
   * As the global `fetch`, which is under the same grant. Connections are pooled; connecting, TLS included, takes at
   * most 10 s. Inside a handler the request ends with the call.
   *
   * @throws BulkheadError PERMISSION_DENIED that names host and port, DEADLINE_EXCEEDED; TypeError as `fetch` does
   */
  fetch(input: string | URL | Request, options?: HttpOptions): Promise<Response>;
}

export interface ConnectOptions {
  readonly host: string;
  readonly port: number;
  /** TLS on top of the connection; `true` for the defaults of node:tls with the host's name. Default: false. */
  readonly tls?: boolean | ConnectionOptions;
  /** Until the connection is open, TLS included, in milliseconds. Default: 10,000. */
  readonly timeoutMs?: number;
}

/**
 * A connection that clients take in place of a `net.Socket`: the same events (`connect`, `data`, `timeout`, `close` …)
 * and the methods that clients call. What is written before `connect` is sent after it.
 */
export interface NetSocket extends Duplex {
  readonly connecting: boolean;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly encrypted: boolean;
  setNoDelay(noDelay?: boolean): this;
  setKeepAlive(enable?: boolean, initialDelayMs?: number): this;
  setTimeout(timeoutMs: number, listener?: () => void): this;
  ref(): this;
  unref(): this;
  destroySoon(): void;
  /** For clients that connect the socket that they were given: it is connecting already. */
  connect(...target: readonly unknown[]): this;
}

/** Connections under the plugin's network grant. */
export interface NetClient {
  /**
   * Opens a connection, and returns before it is open, as `net.connect` does. A refusal is an `error` event with a
   * BulkheadError PERMISSION_DENIED that names host and port.
   */
  connect(options: ConnectOptions): NetSocket;
}

/** What one plugin has of the network. */
export interface Network {
  readonly http: HttpClient;
  readonly net: NetClient;
  /** Runs a handler so that requests that it makes end with its call. */
  within<Value>(call: { readonly signal: AbortSignal }, run: () => Value): Value;
}

export const REQUEST_TIMEOUT_MS = 30_000;
export const CONNECT_TIMEOUT_MS = 10_000;
