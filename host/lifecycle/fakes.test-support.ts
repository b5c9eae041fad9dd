import { readContributions } from '@bulkhead/proto/rules';
import { DEFAULT_SERVICE_BUDGETS } from '../config/service-budgets.js';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { HealthState, InvokeResponse, type CheckHealthResponse } from '@bulkhead/proto/plugin';
import { NO_PERMISSIONS } from '@bulkhead/proto/rules/schema';
import type { Clock } from '../clock.js';
import type { HostConfig, PluginConfig } from '../config/config.js';
import type { ExitReport, LaunchDescription, Sidecar } from '../sidecar/sidecar.js';
import { createSilentLogger } from '../telemetry/logger.js';
import type { LifecycleEvent } from './events.js';
import { createSupervisor, type Supervisor, type SupervisorOptions } from './supervisor.js';

/** Lets everything run that waits for promises only. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Time that passes when the test says so. */
export class FakeClock implements Clock {
  #nowMs = 0;
  #timers: { readonly atMs: number; readonly callback: () => void }[] = [];

  now(): number {
    return this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  get timers(): number {
    return this.#timers.length;
  }

  /** Passes the time, one timer after another; promises run in between. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await settle();
    for (;;) {
      const next = this.#timers.toSorted((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined || next.atMs > endMs) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.callback();
      await settle();
    }
    this.#nowMs = endMs;
    await settle();
  }

  /** The event loop stands still; when it runs again, all due timers fire before anything that arrived is read. */
  async block(ms: number): Promise<void> {
    this.#nowMs += ms;
    const due = this.#timers.filter(({ atMs }) => atMs <= this.#nowMs).toSorted((a, b) => a.atMs - b.atMs);
    this.#timers = this.#timers.filter((timer) => !due.includes(timer));
    for (const { callback } of due) callback();
    await this.advance(0);
  }
}

export interface PendingCall {
  readonly path: string;
  readonly body: Uint8Array;
  readonly timeoutMs: number | undefined;
  answer(response?: Partial<InvokeResponse>): void;
  fail(error: BulkheadError): void;
}

/** A process that does what the test says. */
export class FakeSidecar implements Sidecar {
  readonly pid: number;
  readonly description: LaunchDescription;
  readonly handshake = { apiVersion: 1, sdk: 'fake', capabilities: [], pluginMethods: [], pid: 1 };
  readonly initialized = { registrations: [], configSchemaJson: '' };
  readonly startMs = 1;
  readonly pending: PendingCall[] = [];
  /** What happened to it, in order. */
  readonly fate: string[] = [];
  /** What a health check gives; a promise that never settles is a process that does not answer. */
  onHealth: (timeoutMs: number) => Promise<CheckHealthResponse> = async () =>
    Promise.resolve(health(HealthState.HEALTH_STATE_HEALTHY));
  /** A stop that hangs. */
  ignoresStop = false;
  /** What a kill finds; by default that it was what ended the process. */
  endsAs: ExitReport | undefined;
  readonly #exited = Promise.withResolvers<ExitReport>();
  readonly #lost = Promise.withResolvers<BulkheadError>();

  constructor(pid: number, description: LaunchDescription) {
    this.pid = pid;
    this.description = description;
  }

  get inFlight(): number {
    return this.pending.length;
  }

  get exited(): Promise<ExitReport> {
    return this.#exited.promise;
  }

  get lost(): Promise<BulkheadError> {
    return this.#lost.promise;
  }

  async call(path: string, body: Uint8Array, options?: { readonly timeoutMs?: number }): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.pending.splice(this.pending.indexOf(call), 1);
      };
      const call: PendingCall = {
        path,
        body,
        timeoutMs: options?.timeoutMs,
        answer: (response = {}) => {
          leave();
          resolve(InvokeResponse.encode(InvokeResponse.fromPartial(response)).finish());
        },
        fail: (error) => {
          leave();
          reject(error);
        },
      };
      this.pending.push(call);
    });
  }

  async health(timeoutMs: number): Promise<CheckHealthResponse> {
    this.fate.push('health');
    return this.onHealth(timeoutMs);
  }

  async stop(reason: string): Promise<ExitReport> {
    this.fate.push(`stop: ${reason}`);
    if (this.ignoresStop) return new Promise(() => undefined);
    return this.#gone({ exitCode: 0, signal: null, reason, lastLines: [] });
  }

  async kill(reason: string): Promise<ExitReport> {
    this.fate.push(`kill: ${reason}`);
    return this.#gone(
      this.endsAs ?? { exitCode: null, signal: 'SIGKILL', reason, lastLines: ['last words'] },
    );
  }

  /** It dies by itself. */
  crash(lastLines: readonly string[] = ['last words']): void {
    void this.#gone({ exitCode: 1, signal: null, lastLines });
  }

  /** Its connection is gone, and it lives on. */
  loseLink(): void {
    this.#break('the link is broken');
  }

  #break(message: string): void {
    const error = new BulkheadError(ErrorCode.PLUGIN_EXITED, message);
    this.#lost.resolve(error);
    while (this.pending[0] !== undefined) this.pending[0].fail(error);
  }

  async #gone(report: ExitReport): Promise<ExitReport> {
    this.#break('the process ended with code 1');
    this.#exited.resolve(report);
    return this.exited;
  }
}

export function health(state: HealthState, message = ''): CheckHealthResponse {
  return { state, message, eventLoopDelayP99Us: 42, inFlight: 0 };
}

export function plugin(name: string, changes: Partial<PluginConfig> = {}): PluginConfig {
  return {
    name,
    enabled: true,
    manifest: {
      id: `test.${name}`,
      name,
      version: '1.0.0',
      description: '',
      hooks: { tool_pre_invoke: {} },
      customHooks: [],
      contributions: readContributions({}),
      permissions: NO_PERMISSIONS,
      instances: 'many',
      limits: {},
      compat: { api: [] },
      source: { name },
    },
    directory: '/plugins/x',
    mode: 'sequential',
    onError: 'fail',
    hooks: [
      {
        hook: 'tool_pre_invoke',
        mode: 'sequential',
        priority: 100,
        timeoutMs: 5_000,
        conditions: [],
        idempotent: false,
      },
    ],
    objectHooks: [],
    objectHookMode: 'sequential',
    instances: 1,
    network: 'unix',
    env: {},
    limits: {},
    serviceBudgets: DEFAULT_SERVICE_BUDGETS,
    maxInFlight: 8,
    maxQueue: 4,
    networkPrivate: [],
    placement: 'directory',
    granted: NO_PERMISSIONS,
    grantedContext: [],
    grantedScopes: [],
    logLevel: 'info',
    config: {},
    ...changes,
  };
}

export const settings: HostConfig['lifecycle'] = {
  startTimeoutMs: 10_000,
  healthIntervalMs: 2_000,
  healthTimeoutMs: 1_000,
  healthMisses: 3,
  backoffInitialMs: 200,
  backoffMaxMs: 30_000,
  crashLimit: 5,
  crashWindowMs: 60_000,
  stopDrainMs: 5_000,
  stopTermMs: 2_000,
  stopKillMs: 1_000,
};

/** Only what tests compare; the launcher is a fake. */
export function describePlugin(config: PluginConfig): LaunchDescription {
  return {
    name: config.name,
    id: config.manifest.id,
    version: config.manifest.version,
    command: ['/bin/false'],
    cwd: config.directory,
    env: config.env,
    network: config.network,
    mtls: false,
    startTimeoutMs: settings.startTimeoutMs,
    drainTimeoutMs: settings.stopDrainMs,
    termTimeoutMs: settings.stopTermMs,
    killTimeoutMs: settings.stopKillMs,
    callTimeoutMs: 5_000,
    maxMessageBytes: 1_000_000,
    manifestJson: '{}',
    configJson: JSON.stringify(config.config),
    grantedScopes: [],
    maxInFlight: config.maxInFlight,
    logLevel: config.logLevel,
  };
}

export interface Scene {
  readonly supervisor: Supervisor;
  readonly clock: FakeClock;
  /** Every process that was started, in order. */
  readonly sidecars: FakeSidecar[];
  readonly events: LifecycleEvent[];
  /** What the next launches do instead of starting; taken from the front. */
  readonly launches: ((description: LaunchDescription, signal?: AbortSignal) => Promise<void>)[];
  /** Kinds of the states that a plugin's positions went through. */
  states(name: string): string[];
  last(): FakeSidecar;
}

export function scene(
  plugins: readonly PluginConfig[],
  options: Partial<SupervisorOptions> & { readonly clock?: FakeClock } = {},
): Scene {
  const clock = options.clock ?? new FakeClock();
  const sidecars: FakeSidecar[] = [];
  const events: LifecycleEvent[] = [];
  const launches: Scene['launches'] = [];
  const supervisor = createSupervisor({
    plugins,
    launch: async (description, signal) => {
      await launches.shift()?.(description, signal);
      const sidecar = new FakeSidecar(1_000 + sidecars.length, description);
      sidecars.push(sidecar);
      return sidecar;
    },
    describe: describePlugin,
    log: createSilentLogger(),
    settings,
    random: () => 0,
    ...options,
    clock,
  });
  supervisor.subscribe((event) => events.push(event));
  return {
    supervisor,
    clock,
    sidecars,
    events,
    launches,
    states: (name) =>
      events.flatMap((event) => (event.kind === 'state' && event.plugin === name ? [event.to.kind] : [])),
    last: () => {
      const sidecar = sidecars.at(-1);
      if (sidecar === undefined) throw new Error('no process was started');
      return sidecar;
    },
  };
}

/** A launch that fails with this code. */
export function refusal(code: ErrorCode): () => Promise<void> {
  return async () =>
    Promise.reject(new BulkheadError(code, `refused: ${code}`, { details: { lastLines: ['why'] } }));
}
