import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { JsonObject } from '@bulkhead/proto/json';
import type { Clock } from '../clock.js';
import type { UpstreamConfig } from '../config/config.js';
import { createBackoff, type BackoffOptions } from './backoff.js';
import { connect, type Connection, type RequestOptions } from './connection.js';
import type { Log } from './log.js';
import { createMessageStash } from './message-stash.js';
import { Liveness } from './liveness.js';
import { isByUrl, openRoute, type FetchOfPlugin, type LaunchPluginServer, type Route } from './route.js';
import { eventOf, type UpstreamEvent, type UpstreamState } from './upstream-event.js';

export type { UpstreamState } from './upstream-event.js';

export interface UpstreamDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** The host's own environment; only a few names of it reach a stdio upstream. */
  readonly hostEnv: Readonly<Record<string, string | undefined>>;
  readonly backoff: BackoffOptions;
  readonly maxMessageBytes: number;
  readonly launchPluginServer: LaunchPluginServer;
  readonly fetchOfPlugin: FetchOfPlugin;
  readonly random: () => number;
  readonly emit: (upstream: Upstream, event: UpstreamEvent) => void;
}

export type UpstreamRequest = Omit<RequestOptions, 'timeoutMs'> & { readonly timeoutMs?: number };

/** What an upstream may have lists of. */
export const LISTS = ['tools', 'prompts', 'resources'] as const;

/** One configured MCP server: kept running or reached, over and over, until it is stopped. */
export class Upstream {
  readonly name: string;
  #config: UpstreamConfig;
  readonly #deps: UpstreamDeps;
  readonly #backoff;
  readonly #subscriptions = new Map<string, number>();
  readonly #liveness: Liveness;
  #state: UpstreamState = { kind: 'connecting' };
  #connection: Connection | undefined;
  #initialized: JsonObject = {};
  #logLevel: string | undefined;
  #cancelTimer: () => void = () => {};
  #attempt: Promise<void> | undefined;
  #route: Route | undefined;
  /** While it lets go of what it was. */
  #changing = false;

  constructor(config: UpstreamConfig, deps: UpstreamDeps) {
    this.name = config.name;
    this.#config = config;
    this.#deps = deps;
    this.#backoff = createBackoff(deps.backoff, deps.clock, deps.random);
    this.#liveness = new Liveness(deps.clock, (connection, reason) => {
      if (this.#connection === connection) this.#down(reason);
    });
  }

  /** What it is configured with. */
  get config(): UpstreamConfig {
    return this.#config;
  }

  get state(): UpstreamState {
    return this.#state;
  }

  /** What it can do, as it said in its last handshake; empty before the first. */
  get capabilities(): JsonObject {
    return objectOf(this.#initialized['capabilities']);
  }

  get instructions(): string | undefined {
    const text = this.#initialized['instructions'];
    return typeof text === 'string' ? text : undefined;
  }

  /** Process id of a stdio upstream that runs. */
  get pid(): number | undefined {
    return this.#route?.process?.pid;
  }

  /** Settles after the first attempt, successful or not. */
  start(): Promise<void> {
    return (this.#attempt ??= this.#open());
  }

  /**
   * One request, as it is; see {@link RequestOptions}.
   *
   * @throws BulkheadError UPSTREAM_UNAVAILABLE at once when it is down
   */
  request(
    method: string,
    params: JsonObject | undefined,
    options: UpstreamRequest = {},
  ): Promise<JsonObject> {
    const connection = this.#connection;
    if (connection === undefined) return Promise.reject(this.#unavailable());
    return connection.request(method, params, {
      ...options,
      timeoutMs: options.timeoutMs ?? this.#config.callTimeoutMs,
    });
  }

  /** @throws BulkheadError UPSTREAM_UNAVAILABLE when it is down */
  assertReady(): void {
    if (this.#connection === undefined) throw this.#unavailable();
  }

  /** Subscribes to a resource unless somebody already did; kept over a restart of the upstream. */
  async subscribe(uri: string): Promise<void> {
    const count = this.#subscriptions.get(uri) ?? 0;
    this.#subscriptions.set(uri, count + 1);
    if (count > 0) return;
    try {
      await this.request('resources/subscribe', { uri });
    } catch (error) {
      this.#forget(uri);
      throw error;
    }
  }

  async unsubscribe(uri: string): Promise<void> {
    if (!this.#subscriptions.has(uri)) return;
    this.#forget(uri);
    if (!this.#subscriptions.has(uri) && this.#connection !== undefined) {
      await this.request('resources/unsubscribe', { uri });
    }
  }

  #forget(uri: string): void {
    const count = (this.#subscriptions.get(uri) ?? 1) - 1;
    if (count > 0) this.#subscriptions.set(uri, count);
    else this.#subscriptions.delete(uri);
  }

  /** The least severe log messages that any client wants; kept over a restart of the upstream. */
  async setLogLevel(level: string): Promise<void> {
    if (level === this.#logLevel) return;
    this.#logLevel = level;
    if (this.#connection !== undefined && 'logging' in this.capabilities) {
      await this.request('logging/setLevel', { level });
    }
  }

  /** Ends it for good; resolves within the transport's own bounds. */
  async stop(): Promise<void> {
    this.#enter({ kind: 'stopped' });
    await this.#disconnect();
  }

  /**
   * Ends what was, and starts or reaches it as it is configured now; subscriptions and log level stay. Settles after the
   * first attempt, successful or not. One call at a time.
   */
  async reconfigure(config: UpstreamConfig): Promise<void> {
    this.#config = config;
    const served = this.#connection !== undefined;
    this.#changing = true;
    await this.#disconnect();
    this.#changing = false;
    if (this.#isStopped()) return;
    if (served) this.#announce();
    await (this.#attempt = this.#open());
  }

  async #disconnect(): Promise<void> {
    this.#cancelTimer();
    this.#liveness.watch(undefined);
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection !== undefined) await this.#route?.endSession();
    await Promise.all([connection?.close(), this.#route?.transport.close()]);
    await this.#attempt;
  }

  async #open(): Promise<void> {
    this.#enter({ kind: 'connecting' });
    const { clock, log } = this.#deps;
    try {
      const stash = createMessageStash();
      const route = openRoute(this.#config, this.#deps, stash, (reason) => {
        if (this.#connection !== undefined) void this.#liveness.suspect(this.#connection, reason);
      });
      this.#route = route;
      const connection = await connect({
        name: this.name,
        transport: route.transport,
        stash,
        startTimeoutMs: this.#config.startTimeoutMs,
        clock,
        listener: {
          notification: (method, params, attribution) => {
            this.#emit(eventOf(method, params, attribution));
          },
        },
        onError: (error) => {
          log.debug({ upstream: this.name, err: error }, 'upstream: error on the connection');
        },
      });
      if (this.#isStopped() || this.#changing) {
        await connection.close();
        return;
      }
      this.#serve(connection);
      await this.#restore();
    } catch (error) {
      const reason = this.#route?.process?.ended ?? (error instanceof Error ? error.message : String(error));
      this.#down(`it did not start: ${reason}`);
    }
  }

  #serve(connection: Connection): void {
    this.#connection = connection;
    this.#initialized = connection.initialized;
    this.#backoff.recovered();
    this.#enter({ kind: 'ready' });
    this.#deps.log.info({ upstream: this.name }, 'upstream: ready');
    void connection.lost.then(() => {
      if (this.#connection === connection)
        this.#down(this.#route?.process?.ended ?? 'the connection was lost');
    });
    if (isByUrl(this.#config)) this.#liveness.watch(connection);
    this.#announce();
  }

  /** Brings a new process to where the old one was. */
  async #restore(): Promise<void> {
    try {
      const level = this.#logLevel;
      if (level !== undefined && 'logging' in this.capabilities)
        await this.request('logging/setLevel', { level });
      for (const uri of this.#subscriptions.keys()) await this.request('resources/subscribe', { uri });
    } catch (error) {
      this.#deps.log.warn(
        { upstream: this.name, err: error },
        'upstream: cannot restore log level and subscriptions',
      );
    }
  }

  #down(reason: string): void {
    if (this.#changing || this.#isStopped() || 'delayMs' in this.#state) return;
    const served = this.#connection !== undefined;
    const connection = this.#connection;
    this.#connection = undefined;
    this.#route = undefined;
    this.#liveness.watch(undefined);
    connection?.close().catch(() => {});
    const plan = this.#backoff.failed();
    const state = {
      kind: plan.kind === 'retry' ? 'waiting' : 'quarantined',
      reason,
      delayMs: plan.delayMs,
    } as const;
    this.#cancelTimer();
    this.#cancelTimer = this.#deps.clock.after(plan.delayMs, () => {
      this.#attempt = this.#open();
    });
    this.#enter(state);
    this.#deps.log.warn({ upstream: this.name, reason, retryInMs: plan.delayMs }, `upstream: ${state.kind}`);
    if (served) this.#announce();
  }

  #announce(): void {
    for (const list of LISTS) {
      if (list in this.capabilities) this.#emit({ kind: 'list_changed', list });
    }
  }

  #enter(state: UpstreamState): void {
    if (this.#isStopped()) return;
    this.#state = state;
    this.#emit({ kind: 'state', state });
  }

  #emit(event: UpstreamEvent): void {
    this.#deps.emit(this, event);
  }

  #isStopped(): boolean {
    return this.#state.kind === 'stopped';
  }

  #unavailable(): BulkheadError {
    const why = 'reason' in this.#state ? `: ${this.#state.reason}` : '';
    return new BulkheadError(
      ErrorCode.UPSTREAM_UNAVAILABLE,
      `upstream '${this.name}' is ${this.#state.kind}${why}; it is tried again by itself`,
      { retryable: true },
    );
  }
}

function objectOf(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}
