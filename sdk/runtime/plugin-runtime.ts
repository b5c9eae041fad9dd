import { BulkheadError, ErrorCode, isBulkheadError } from '@bulkhead/proto';
import { RegistrationKind, type InitializeRequest, type InitializeResponse } from '@bulkhead/proto/plugin';
import { isPluginDefinition } from '../define-plugin.js';
import type { Logger, LogLevelName } from '../logger.js';
import type { Network } from '../network/client.js';
import { askHealth, type AuthorHealth } from './author-health.js';
import type { CallEnvironment } from './call-context.js';
import type { RuntimeClock } from './clock.js';
import { Configuration } from './configuration.js';
import { assertRegistered, parseDeclaredHooks } from './declared-hooks.js';
import { runBatch, runHook } from './hook-calls.js';
import { parseImplementation, type Implementation } from './implementation.js';
import { InFlight, within } from './in-flight.js';
import type { IncomingCall } from './incoming.js';
import { LOG_LEVELS, PluginLogger, type LogSink, type LogTarget } from './plugin-log.js';

/** How long an author's `shutdown()` may take. */
export const SHUTDOWN_TIMEOUT_MS = 5_000;

export interface RuntimeOptions {
  /** The default export of the plugin's entry, or a rejection that says why there is none. */
  readonly load: () => Promise<unknown>;
  readonly sink: LogSink;
  readonly clock: RuntimeClock;
  /** The plugin's way out, once it is open; asked for before the setup function runs. */
  readonly network: () => Promise<Network>;
}

/** Where a plugin is in its life. */
type State =
  /** Entered at construction; left by Initialize. */
  | { readonly kind: 'new' }
  /** Entered when setup returned what the manifest declares; left by Shutdown. */
  | {
      readonly kind: 'ready';
      readonly implementation: Implementation;
      readonly environment: CallEnvironment;
      readonly network: Network;
    }
  /** Entered by Shutdown; final. Calls that were in flight finish. */
  | { readonly kind: 'stopping' };

/** A plugin without its process: setup, calls, health, shutdown. The runner and the test harness both drive this one. */
export class PluginRuntime {
  readonly log: Logger;
  readonly #options: RuntimeOptions;
  readonly #logTarget: LogTarget;
  readonly #inFlight = new InFlight();
  readonly #stop = new AbortController();
  #state: State = { kind: 'new' };
  #implementation: Implementation | undefined;
  #initialized: Promise<InitializeResponse> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: RuntimeOptions) {
    this.#options = options;
    this.#logTarget = { sink: options.sink, clock: options.clock, threshold: 'info' };
    this.log = new PluginLogger(this.#logTarget);
  }

  get inFlight(): number {
    return this.#inFlight.count;
  }

  /** False once Shutdown was asked for. */
  get serving(): boolean {
    return this.#state.kind !== 'stopping';
  }

  /**
   * Runs the setup function; a second call waits for the first and gets its answer.
   *
   * @throws BulkheadError SETUP_FAILED, REGISTRATION_MISMATCH, as a rejection
   */
  initialize(request: InitializeRequest): Promise<InitializeResponse> {
    return (this.#initialized ??= this.#setUp(request));
  }

  /** One call of HookService/Invoke. Answers synchronously when the handler does. */
  invoke(body: Uint8Array, incoming: IncomingCall): Uint8Array | Promise<Uint8Array> {
    const { implementation, environment, network } = this.#ready();
    return network.within(incoming, () => runHook(body, incoming, implementation.hooks, environment));
  }

  /** One call of HookService/InvokeBatch. */
  invokeBatch(body: Uint8Array, incoming: IncomingCall): Promise<Uint8Array> {
    const { implementation, environment, network } = this.#ready();
    return network.within(incoming, () => runBatch(body, incoming, implementation.hooks, environment));
  }

  /** What the author's `health()` says; healthy as long as there is none to ask. */
  health(): Promise<AuthorHealth> {
    return askHealth(this.#implementation?.health, this.#options.clock);
  }

  /**
   * Takes no new calls, waits at most `drainTimeoutMs` for those in flight, then runs the author's `shutdown()`, also bounded.
   * A second call waits for the first. Never rejects.
   */
  shutdown(drainTimeoutMs: number, reason: string): Promise<void> {
    return (this.#stopped ??= this.#shutDown(drainTimeoutMs, reason));
  }

  async #setUp(request: InitializeRequest): Promise<InitializeResponse> {
    this.#logTarget.threshold = parseLevel(request.logLevel);
    try {
      const declared = parseDeclaredHooks(request.manifestJson);
      const network = await this.#options.network();
      const definition = await this.#options.load();
      if (!isPluginDefinition(definition)) {
        throw new BulkheadError(
          ErrorCode.SETUP_FAILED,
          "the entry's default export is no plugin; write `export default definePlugin(…)`, with definePlugin from @bulkhead/sdk",
        );
      }
      const configuration = new Configuration(request.configJson);
      const returned: unknown = await definition.setup({
        config: configuration.own,
        host: { log: this.log, http: network.http, net: network.net },
        log: this.log,
        signal: this.#stop.signal,
        name: request.name,
        dataDir: request.dataDir === '' ? undefined : request.dataDir,
      });
      const implementation = parseImplementation(returned, declared);
      const names = [...implementation.hooks.keys()];
      if (declared !== undefined) assertRegistered(declared, names);
      this.#implementation = implementation;
      // Shutdown may have come while setup ran.
      if (this.#state.kind === 'new') {
        this.#state = {
          kind: 'ready',
          implementation,
          network,
          environment: {
            logTarget: this.#logTarget,
            inFlight: this.#inFlight,
            defaultTimeoutMs: request.limits?.timeoutMs ?? 0,
            maxMessageBytes: request.limits?.maxMessageBytes ?? 0,
            configFor: (bindingJson) => configuration.forCall(bindingJson),
          },
        };
      }
      return {
        registrations: names.map((name) => ({
          kind: RegistrationKind.REGISTRATION_KIND_HOOK,
          name,
          priority: 0,
        })),
        configSchemaJson: '',
      };
    } catch (error) {
      const typed = isBulkheadError(error)
        ? error
        : new BulkheadError(
            ErrorCode.SETUP_FAILED,
            `setup failed: ${error instanceof Error ? error.message : String(error)}`,
            { cause: error },
          );
      this.log.error(typed.message, { code: typed.code, error });
      throw typed;
    }
  }

  #ready(): State & { readonly kind: 'ready' } {
    const state = this.#state;
    if (state.kind === 'ready') return state;
    throw new BulkheadError(
      ErrorCode.PLUGIN_UNAVAILABLE,
      state.kind === 'new' ? 'the plugin is not initialized yet' : 'the plugin is shutting down',
      { retryable: true },
    );
  }

  async #shutDown(drainTimeoutMs: number, reason: string): Promise<void> {
    this.#state = { kind: 'stopping' };
    const { clock } = this.#options;
    this.log.debug('shutting down', { reason });
    // What a setup that still runs opens must be closed too.
    const settled = this.#initialized?.then(
      () => true,
      () => true,
    );
    if (settled !== undefined) await within(settled, drainTimeoutMs, clock, () => false);
    if (!(await this.#inFlight.drained(drainTimeoutMs, clock))) {
      this.log.warn(
        `${this.#inFlight.count} calls did not finish within ${drainTimeoutMs} ms and are given up`,
      );
    }
    this.#stop.abort();
    const shutdown = this.#implementation?.shutdown;
    if (shutdown === undefined) return;
    try {
      const work = Promise.resolve(shutdown()).then(() => true);
      if (!(await within(work, SHUTDOWN_TIMEOUT_MS, clock, () => false))) {
        this.log.warn(`shutdown() did not finish within ${SHUTDOWN_TIMEOUT_MS} ms and is given up`);
      }
    } catch (error) {
      this.log.error('shutdown() failed', { error });
    }
  }
}

function parseLevel(text: string): LogLevelName {
  return LOG_LEVELS.find((level) => level === text) ?? 'info';
}
