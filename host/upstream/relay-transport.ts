import type { JSONRPCMessage, Transport, TransportSendOptions } from '@modelcontextprotocol/client';
import type { JsonObject } from '@bulkhead/proto/json';
import type { Caller } from './caller.js';
import type { MessageStash } from './message-stash.js';

/** One request on its way to the upstream. */
export interface OutboundCall {
  readonly caller: Caller | undefined;
  readonly onProgress: ((params: JsonObject) => void) | undefined;
  /** The token that this host gave it; only when `onProgress` is set. */
  readonly progressToken: string | undefined;
}

/** Whose message it is: of one caller, of nobody in particular, or of one of several. */
export type Attribution =
  | { readonly kind: 'caller'; readonly caller: Caller }
  | { readonly kind: 'nobody' }
  | { readonly kind: 'ambiguous' };

export interface RelayListener {
  /** Every notification but progress and cancellation. */
  notification(method: string, params: JsonObject | undefined, attribution: Attribution): void;
}

/**
 * Sits between the protocol package's client and a transport. It hands notifications on in the order in which they
 * came, before the answer that follows them: the package itself delays notifications, and forgets the last progress
 * when it shares a read with the result. It also notes for whom each request of the upstream is.
 */
export class RelayTransport implements Transport {
  onclose?: (() => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
  onmessage?: Transport['onmessage'];
  readonly #inner: Transport;
  readonly #listener: RelayListener;
  readonly #stash: MessageStash | undefined;
  readonly #calls = new Map<string | number, OutboundCall>();
  readonly #progress = new Map<string, (params: JsonObject) => void>();
  readonly #asked = new Map<string | number, Attribution>();
  #sending: OutboundCall | undefined;
  #initializeId: string | number | undefined;
  /** What the upstream answered to `initialize`, with every field. */
  initialized: JsonObject | undefined;

  constructor(inner: Transport, listener: RelayListener, stash?: MessageStash) {
    this.#inner = inner;
    this.#listener = listener;
    this.#stash = stash;
  }

  /** Runs `send`, which must hand exactly one request to this transport before it returns. */
  attach<T>(call: OutboundCall, send: () => Promise<T>): Promise<T> {
    this.#sending = call;
    if (call.progressToken !== undefined && call.onProgress !== undefined) {
      this.#progress.set(call.progressToken, call.onProgress);
    }
    try {
      return send();
    } finally {
      this.#sending = undefined;
    }
  }

  /** The call has settled, answered or not. */
  release(call: OutboundCall): void {
    if (call.progressToken !== undefined) this.#progress.delete(call.progressToken);
    for (const [id, other] of this.#calls) {
      if (other !== call) continue;
      this.#calls.delete(id);
      return;
    }
  }

  /** For whom a request of the upstream is; the answer is given once. */
  takeAttribution(requestId: string | number): Attribution {
    const attribution = this.#asked.get(requestId) ?? { kind: 'nobody' };
    this.#asked.delete(requestId);
    return attribution;
  }

  async start(): Promise<void> {
    this.#inner.onclose = () => this.onclose?.();
    this.#inner.onerror = (error) => this.onerror?.(error);
    this.#inner.onmessage = (message) => {
      const stashed = this.#stash?.take(message);
      this.#receive(stashed?.message ?? message, stashed?.related);
    };
    await this.#inner.start();
  }

  send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    if ('method' in message && 'id' in message) {
      if (message.method === 'initialize') this.#initializeId = message.id;
      if (this.#sending !== undefined) this.#calls.set(message.id, this.#sending);
      this.#sending = undefined;
    } else if ('id' in message && message.id !== undefined) {
      // Answered, perhaps by the package itself, which asks nobody for whom it was.
      this.#asked.delete(message.id);
    }
    return this.#inner.send(message, options);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  setProtocolVersion(version: string): void {
    this.#inner.setProtocolVersion?.(version);
  }

  #receive(message: JSONRPCMessage, related: string | number | undefined): void {
    if (!('method' in message)) {
      if ('result' in message && message.id === this.#initializeId)
        this.initialized = message.result as JsonObject;
      this.onmessage?.(message);
      return;
    }
    const params = message.params as JsonObject | undefined;
    if ('id' in message) {
      this.#asked.set(message.id, this.#attribute(related));
      this.onmessage?.(message);
      return;
    }
    if (message.method === 'notifications/cancelled') {
      this.onmessage?.(message);
      return;
    }
    if (message.method === 'notifications/progress') {
      // Of a request that has ended it is nobody's news: what it says belonged to one client alone.
      const token = params?.['progressToken'];
      const onProgress = typeof token === 'string' ? this.#progress.get(token) : undefined;
      if (params !== undefined) onProgress?.(params);
      return;
    }
    this.#listener.notification(message.method, params, this.#attribute(related));
  }

  #attribute(related: string | number | undefined): Attribution {
    const known = related === undefined ? undefined : this.#calls.get(related);
    if (known !== undefined)
      return known.caller === undefined ? { kind: 'nobody' } : { kind: 'caller', caller: known.caller };
    let found: Caller | undefined;
    for (const { caller } of this.#calls.values()) {
      if (caller === undefined) continue;
      if (found !== undefined && found.key !== caller.key) return { kind: 'ambiguous' };
      found = caller;
    }
    return found === undefined ? { kind: 'nobody' } : { kind: 'caller', caller: found };
  }
}
