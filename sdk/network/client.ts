import type { Socket } from 'node:net';
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

/** Connections under the plugin's network grant. */
export interface NetClient {
  /**
   * Opens a connection, and returns before it is open, as `net.connect` does: `connect` follows, with TLS when that is
   * up; what is written before is sent after it. A refusal is an `error` event with a BulkheadError PERMISSION_DENIED
   * that names host and port. A client that connects the socket itself may: it is connecting already.
   */
  connect(options: ConnectOptions): Socket;
}

/** What one plugin has of the network. */
export interface Network {
  readonly http: HttpClient;
  readonly net: NetClient;
}

export const REQUEST_TIMEOUT_MS = 30_000;
export const CONNECT_TIMEOUT_MS = 10_000;
