import { connectivityState, type Client } from '@grpc/grpc-js';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { MAX_WHOLE_BODY_BYTES, nativeCall, type CallOptions, type Link } from '@bulkhead/proto/link';
import type { Clock } from '../clock.js';
import type { FloodMeter } from './flood/flood-meter.js';
import { meteredCall } from './flood/metered-call.js';

export interface TransportOptions {
  readonly client: Client;
  /** Absent when the plugin does not announce one; then every call is a native RPC. */
  readonly link?: Link;
  readonly clock: Clock;
  readonly meter: FloodMeter;
  readonly defaultTimeoutMs: number;
  readonly maxMessageBytes: number;
}

/** Carries calls to one plugin: small ones on the link, large ones beside it, where they hold up nobody. */
export class Transport {
  /** Settles when calls can no longer reach the plugin; never rejects. */
  readonly lost: Promise<BulkheadError>;
  readonly #options: TransportOptions;
  #nativeInFlight = 0;
  #gone: BulkheadError | undefined;
  #lose: (reason: BulkheadError) => void = () => {};

  constructor(options: TransportOptions) {
    this.#options = options;
    this.lost = new Promise((resolve) => {
      this.#lose = (reason) => {
        this.#gone ??= reason;
        resolve(this.#gone);
      };
    });
    if (options.link === undefined) this.#watchChannel();
    else void options.link.closed.then(this.#lose);
  }

  get inFlight(): number {
    return this.#nativeInFlight + (this.#options.link?.inFlight ?? 0);
  }

  call(path: string, body: Uint8Array, options?: CallOptions): Promise<Uint8Array> {
    const { link, maxMessageBytes } = this.#options;
    if (link !== undefined && body.length <= MAX_WHOLE_BODY_BYTES && link.has(path)) {
      return link.call(path, body, options);
    }
    if (body.length > maxMessageBytes) {
      return Promise.reject(
        new BulkheadError(
          ErrorCode.MESSAGE_TOO_LARGE,
          `${path}: the message has ${body.length} bytes, the plugin's limit is ${maxMessageBytes}`,
        ),
      );
    }
    return this.#gone === undefined ? this.#callNative(path, body, options) : Promise.reject(this.#gone);
  }

  /** Calls in flight fail with `reason`, and so does every later one. A second call changes nothing. */
  close(reason: BulkheadError): void {
    this.#lose(reason);
    this.#options.link?.close(reason);
    this.#options.client.close();
  }

  async #callNative(path: string, body: Uint8Array, options: CallOptions | undefined): Promise<Uint8Array> {
    const { client, clock, defaultTimeoutMs, meter, maxMessageBytes } = this.#options;
    this.#nativeInFlight += 1;
    try {
      return await meteredCall(meter, body, maxMessageBytes, () =>
        nativeCall(client, clock, path, body, { timeoutMs: defaultTimeoutMs, ...options }),
      );
    } finally {
      this.#nativeInFlight -= 1;
    }
  }

  /**
   * Without a link the channel tells. A server may end a connection because it is old, so one that is idle is
   * opened again; only when that fails the plugin is out of reach.
   */
  #watchChannel(): void {
    const channel = this.#options.client.getChannel();
    const watch = (): void => {
      if (this.#gone !== undefined) return;
      const state = channel.getConnectivityState(true);
      if (state === connectivityState.TRANSIENT_FAILURE || state === connectivityState.SHUTDOWN) {
        this.#lose(
          new BulkheadError(ErrorCode.PLUGIN_UNAVAILABLE, 'the connection to the plugin broke', {
            retryable: true,
          }),
        );
        return;
      }
      channel.watchConnectivityState(state, Infinity, watch);
    };
    watch();
  }
}
