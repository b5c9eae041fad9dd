import { BulkheadError, ErrorCode, isBulkheadError } from '@bulkhead/proto';
import type { InitializeRequest, InitializeResponse } from '@bulkhead/proto/plugin';
import { assertRegistrations } from '@bulkhead/proto/rules';
import { isPluginDefinition } from '../define-plugin.js';
import { createSubscribeCalls } from '../host/events.js';
import { createHostServices } from '../host/host-services.js';
import { createHostRpc, type HostTransport } from '../host/transport.js';
import type { Logger, LogLevelName } from '../logger.js';
import type { Network } from '../network/client.js';
import { askHealth, type AuthorHealth } from './author-health.js';
import type { RuntimeClock } from './clock.js';
import { Configuration } from './configuration.js';
import { runCommand, runRpc, runSchedule, runTool } from './contribution-calls.js';
import type { CurrentCall } from './current-call.js';
import { parseDeclaredManifest } from './declared-manifest.js';
import { deliverEvents } from './event-calls.js';
import { runBatch, runHook } from './hook-calls.js';
import { parseImplementation, registeredBy, type Implementation } from './implementation.js';
import { InFlight, within } from './in-flight.js';
import type { IncomingCall } from './incoming.js';
import { runObjectHook } from './object-hook-calls.js';
import { LOG_LEVELS, PluginLogger, type LogSink, type LogTarget } from './plugin-log.js';
import { toRegistrations } from './registrations.js';
import { runRoute } from './route-calls.js';
import { Subscriptions } from './subscriptions.js';
import type { CallEnvironment } from './work-context.js';

/** How long an author's `shutdown()` may take. */
export const SHUTDOWN_TIMEOUT_MS = 5_000;

export interface RuntimeOptions {
  /** The default export of the plugin's entry, or a rejection that says why there is none. */
  readonly load: () => Promise<unknown>;
  readonly sink: LogSink;
  readonly clock: RuntimeClock;
  /** The plugin's way out, once it is open; asked for before the setup function runs. */
  readonly network: () => Promise<Network>;
  /** The way to what the host offers. */
  readonly transport: HostTransport;
  /** Knows which call runs. The network is on the same one. */
  readonly calls: CurrentCall;
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
      readonly subscriptions: Subscriptions;
    }
  /** Entered by Shutdown; final. Calls that were in flight finish. */
  | { readonly kind: 'stopping' };

type Ready = State & { readonly kind: 'ready' };
type Answer = Uint8Array | Promise<Uint8Array>;

/** A plugin without its process: setup, calls, health, shutdown. The runner and the test harness both drive this one. */
export class PluginRuntime {
  readonly log: Logger;
  readonly #options: RuntimeOptions;
  readonly #logTarget: LogTarget;
  readonly #inFlight: InFlight;
  readonly #stop = new AbortController();
  #state: State = { kind: 'new' };
  #implementation: Implementation | undefined;
  #initialized: Promise<InitializeResponse> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: RuntimeOptions) {
    this.#options = options;
    this.#inFlight = new InFlight(() => {
      options.calls.end();
    });
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
  invoke(body: Uint8Array, incoming: IncomingCall): Answer {
    return this.#run(incoming, ({ implementation, environment }) =>
      runHook(body, incoming, implementation.hooks, environment),
    );
  }

  /** One call of HookService/InvokeBatch. */
  invokeBatch(body: Uint8Array, incoming: IncomingCall): Answer {
    return this.#run(incoming, ({ implementation, environment }) =>
      runBatch(body, incoming, implementation.hooks, environment),
    );
  }

  /** One call of ObjectHookService/InvokeObjectHook. */
  invokeObjectHook(body: Uint8Array, incoming: IncomingCall): Answer {
    return this.#run(incoming, ({ implementation, environment }) =>
      runObjectHook(body, incoming, implementation.objectHooks, environment),
    );
  }

  /** One call of ToolService/ExecuteTool. */
  executeTool(body: Uint8Array, incoming: IncomingCall): Answer {
    return this.#run(incoming, ({ implementation, environment }) =>
      runTool(body, incoming, implementation.tools, environment),
    );
  }

  /** One call of ToolService/RunCommand. */
  runCommand(body: Uint8Array, incoming: IncomingCall): Answer {
    return this.#run(incoming, ({ implementation, environment }) =>
      runCommand(body, incoming, implementation.commands, environment),
    );
  }

  /** One call of RouteService/HandleRoute. */
  handleRoute(body: Uint8Array, incoming: IncomingCall): Answer {
    return this.#run(incoming, ({ implementation, environment }) =>
      runRoute(body, incoming, implementation.routes, environment),
    );
  }

  /** One call of RouteService/CallRpc. */
  callRpc(body: Uint8Array, incoming: IncomingCall): Answer {
    return this.#run(incoming, ({ implementation, environment }) =>
      runRpc(body, incoming, implementation.rpc, environment),
    );
  }

  /** One call of ScheduleService/RunSchedule. */
  runSchedule(body: Uint8Array, incoming: IncomingCall): Answer {
    return this.#run(incoming, ({ implementation, environment }) =>
      runSchedule(body, incoming, implementation.schedules, environment),
    );
  }

  /** One call of EventService/DeliverEvents. */
  deliverEvents(body: Uint8Array, incoming: IncomingCall): Answer {
    return this.#run(incoming, ({ subscriptions, environment }) =>
      deliverEvents(body, incoming, subscriptions, environment),
    );
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
      const declared = parseDeclaredManifest(request.manifestJson);
      if (request.grantedScopes.length > 0) this.#options.calls.follow();
      const network = await this.#options.network();
      const definition = await this.#options.load();
      if (!isPluginDefinition(definition)) {
        throw new BulkheadError(
          ErrorCode.SETUP_FAILED,
          "the entry's default export is no plugin; write `export default definePlugin(…)`, with definePlugin from @bulkhead/sdk",
        );
      }
      const configuration = new Configuration(request.configJson);
      const rpc = createHostRpc(this.#options.transport, this.#options.calls);
      const subscriptions = new Subscriptions(createSubscribeCalls(rpc), this.log);
      const returned: unknown = await definition.setup({
        config: configuration.own,
        host: {
          ...createHostServices(rpc, subscriptions),
          log: this.log,
          http: network.http,
          net: network.net,
        },
        log: this.log,
        signal: this.#stop.signal,
        name: request.name,
        dataDir: request.dataDir === '' ? undefined : request.dataDir,
      });
      const implementation = parseImplementation(returned, declared);
      if (declared !== undefined) assertRegistrations(declared.registrations, registeredBy(implementation));
      for (const [pattern, handler] of implementation.events) await subscriptions.subscribe(pattern, handler);
      this.#implementation = implementation;
      // Shutdown may have come while setup ran.
      if (this.#state.kind === 'new') {
        this.#state = {
          kind: 'ready',
          implementation,
          subscriptions,
          environment: {
            plugin: request.name,
            logTarget: this.#logTarget,
            inFlight: this.#inFlight,
            defaultTimeoutMs: request.limits?.timeoutMs ?? 0,
            maxMessageBytes: request.limits?.maxMessageBytes ?? 0,
            configFor: (bindingJson) => configuration.forCall(bindingJson),
          },
        };
      }
      return { registrations: toRegistrations(implementation), configSchemaJson: '' };
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

  /** One call, from wherever in the handler what it asks for knows that it is part of it. */
  #run(incoming: IncomingCall, work: (ready: Ready) => Answer): Answer {
    const ready = this.#ready();
    return this.#options.calls.within(incoming, ready.environment.defaultTimeoutMs, work, ready);
  }

  #ready(): Ready {
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
