import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { utf8Length } from '@bulkhead/proto/rules';
import type { Clock } from '../clock.js';

/** Name to JSON text; never changed in place, so that a running call may hold one. */
export type Entries = Readonly<Record<string, string>>;

export interface StateLimits {
  /** How long state is kept after its last use when nobody says that the request ended. */
  readonly ttlMs: number;
  /** Default 100,000. At the bound the request that was idle longest loses its state. */
  readonly maxRequests?: number;
  /** State and shared entries of one request together. Default 1 MiB. */
  readonly maxBytesPerRequest?: number;
  /** Of all requests together. Default 256 MiB. */
  readonly maxBytes?: number;
}

interface RequestState {
  readonly byPlugin: Map<string, Entries>;
  shared: Entries;
  bytes: number;
  expiresAt: number;
}

const DEFAULT_MAX_REQUESTS = 100_000;
const DEFAULT_MAX_BYTES_PER_REQUEST = 1024 * 1024;
const DEFAULT_MAX_BYTES = 256 * 1024 * 1024;
/** What an entry costs beside its texts, about; else a quarter of a million tiny ones would pass for a megabyte. */
const ENTRY_OVERHEAD_BYTES = 100;

export const NO_ENTRIES: Entries = Object.freeze({});

/**
 * `ctx.state` and `ctx.shared` of the requests under way, by request id. A request that writes nothing has no entry.
 * Expired ones are dropped whenever the store is written to, oldest first.
 */
export class StateStore {
  // In the order of last use, so the first is the one to go.
  readonly #requests = new Map<string, RequestState>();
  readonly #clock: Clock;
  /** For writes from now on. */
  ttlMs: number;
  readonly #maxRequests: number;
  readonly #maxBytesPerRequest: number;
  readonly #maxBytes: number;
  #bytes = 0;
  #evicted = 0;

  constructor(clock: Clock, limits: StateLimits) {
    this.#clock = clock;
    this.ttlMs = limits.ttlMs;
    this.#maxRequests = limits.maxRequests ?? DEFAULT_MAX_REQUESTS;
    this.#maxBytesPerRequest = limits.maxBytesPerRequest ?? DEFAULT_MAX_BYTES_PER_REQUEST;
    this.#maxBytes = limits.maxBytes ?? DEFAULT_MAX_BYTES;
  }

  /** Requests that hold state now. */
  get size(): number {
    return this.#requests.size;
  }

  /** Requests that lost their state to a bound, ever. */
  get evicted(): number {
    return this.#evicted;
  }

  state(requestId: string, plugin: string): Entries {
    return this.#live(requestId)?.byPlugin.get(plugin) ?? NO_ENTRIES;
  }

  shared(requestId: string): Entries {
    return this.#live(requestId)?.shared ?? NO_ENTRIES;
  }

  /**
   * Stores what a plugin wrote; an empty text removes an entry.
   *
   * @throws BulkheadError INVALID_ANSWER when the request would hold more than its bound
   */
  write(requestId: string, plugin: string, state: Entries, shared: Entries): void {
    this.#sweep();
    const known = this.#live(requestId);
    const own = known?.byPlugin.get(plugin) ?? NO_ENTRIES;
    const nextState = patched(own, state);
    const nextShared = patched(known?.shared ?? NO_ENTRIES, shared);
    const bytes =
      (known?.bytes ?? 0) +
      sizeOf(nextState) -
      sizeOf(own) +
      sizeOf(nextShared) -
      sizeOf(known?.shared ?? NO_ENTRIES);
    if (bytes > this.#maxBytesPerRequest) {
      throw new BulkheadError(
        ErrorCode.INVALID_ANSWER,
        `state: a request may hold ${String(this.#maxBytesPerRequest)} bytes, got ${String(bytes)}; keep larger things in host.kv`,
      );
    }
    if (known === undefined && bytes === 0) return;
    const request = known ?? {
      byPlugin: new Map<string, Entries>(),
      shared: NO_ENTRIES,
      bytes: 0,
      expiresAt: 0,
    };
    request.byPlugin.set(plugin, nextState);
    request.shared = nextShared;
    this.#bytes += bytes - request.bytes;
    request.bytes = bytes;
    request.expiresAt = this.#clock.monotonic() + this.ttlMs;
    this.#requests.delete(requestId);
    this.#requests.set(requestId, request);
    this.#evict();
  }

  /** The request's outermost answer was given. */
  end(requestId: string): void {
    const request = this.#requests.get(requestId);
    if (request === undefined) return;
    this.#requests.delete(requestId);
    this.#bytes -= request.bytes;
  }

  #live(requestId: string): RequestState | undefined {
    if (this.#requests.size === 0) return undefined;
    const request = this.#requests.get(requestId);
    if (request === undefined || request.expiresAt > this.#clock.monotonic()) return request;
    this.end(requestId);
    return undefined;
  }

  #sweep(): void {
    const now = this.#clock.monotonic();
    for (const [requestId, request] of this.#requests) {
      if (request.expiresAt > now) return;
      this.end(requestId);
    }
  }

  #evict(): void {
    for (const requestId of this.#requests.keys()) {
      if (this.#requests.size <= this.#maxRequests && this.#bytes <= this.#maxBytes) return;
      this.end(requestId);
      this.#evicted++;
    }
  }
}

function patched(entries: Entries, changes: Entries): Entries {
  const names = Object.keys(changes);
  if (names.length === 0) return entries;
  const next = new Map(Object.entries(entries));
  for (const name of names) {
    const text = changes[name];
    if (text === undefined || text === '') next.delete(name);
    else next.set(name, text);
  }
  // fromEntries defines members, so that a name such as __proto__ is one like any other.
  return Object.fromEntries(next);
}

function sizeOf(entries: Entries): number {
  let size = 0;
  for (const [name, text] of Object.entries(entries)) {
    size += utf8Length(name) + utf8Length(text) + ENTRY_OVERHEAD_BYTES;
  }
  return size;
}
