import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { CheckHealthResponse } from '@bulkhead/proto/plugin';
import type { Clock } from '../clock.js';
import type { HostConfig } from '../config/config.js';
import type { Launch, LaunchDescription, Sidecar } from '../sidecar/sidecar.js';
import { buryLost } from './bury-lost.js';
import { watchHealth } from './health-watch.js';
import type { LoopWatch } from './loop-watch.js';
import { RestartPolicy } from './restart-policy.js';
import { ServingProcess } from './serving-process.js';
import type { StartSlots } from './start-slots.js';
import { failureOf, isPermanent, type Failure, type Health, type InstanceState } from './state.js';
import { pause, TIMED_OUT, within } from './timing.js';

/** What all process positions of a host share. */
export interface InstanceParts {
  readonly launch: Launch;
  readonly clock: Clock;
  readonly loop: LoopWatch;
  readonly slots: StartSlots;
  readonly settings: HostConfig['lifecycle'];
  readonly random: () => number;
}

export interface InstanceOwner {
  /** The state changed; already in force. */
  onState(instance: Instance, from: InstanceState, to: InstanceState): void;
  onHealth(instance: Instance, health: Health): void;
  /** It has a process to call now, or none any more. */
  onProcess(): void;
  /** A call has ended. */
  onRelease(): void;
}

/** Beyond the sum of a ladder's own bounds; then the host stops waiting for it. */
const LADDER_GRACE_MS = 500;

/**
 * One process position: keeps a process of one configuration running until it is ended.
 * The life is one loop: start, serve, recover.
 */
export class Instance {
  readonly index: number;
  #state: InstanceState = { kind: 'installed' };
  #health: Health = { kind: 'healthy' };
  #report: CheckHealthResponse | undefined;
  #process: ServingProcess | undefined;
  // Out of rotation until the next turn shows whether it is lost.
  #suspected: ServingProcess | undefined;
  #restarts = 0;
  #life: Promise<void> | undefined;
  #endReason = '';
  readonly #ending = new AbortController();
  readonly #policy: RestartPolicy;
  readonly #parts: InstanceParts;
  readonly #describe: () => LaunchDescription;
  readonly #owner: InstanceOwner;

  /** @param describe what to launch; may throw, which counts as a failed start */
  constructor(index: number, parts: InstanceParts, describe: () => LaunchDescription, owner: InstanceOwner) {
    this.index = index;
    this.#parts = parts;
    this.#describe = describe;
    this.#owner = owner;
    this.#policy = new RestartPolicy(parts.settings, parts.random);
  }

  get state(): InstanceState {
    return this.#state;
  }

  get health(): Health {
    return this.#health;
  }

  /** The last health report of the process that runs. */
  get report(): CheckHealthResponse | undefined {
    return this.#report;
  }

  get restarts(): number {
    return this.#restarts;
  }

  /** The process to call, while it is ready. */
  get process(): ServingProcess | undefined {
    return this.#process;
  }

  /**
   * Begins its life. Resolves when the first start made it ready, rejects when that start failed; the life goes on
   * then, with retries, until {@link end}.
   */
  start(): Promise<void> {
    const first = Promise.withResolvers<void>();
    // A caller that does not look at the first outcome sees it in the state.
    first.promise.catch(() => undefined);
    this.#life ??= this.#live(first).catch((error: unknown) => {
      first.reject(error);
      this.#setProcess(undefined);
      this.#enter({ kind: 'failed', failure: failureOf(error), retryInMs: 'never' });
    });
    return first.promise;
  }

  /** Takes it out of rotation, lets its calls finish, stops the process. Bounded; never rejects. */
  async end(reason: string): Promise<void> {
    if (!this.#ending.signal.aborted) {
      this.#endReason = reason;
      this.#ending.abort(new BulkheadError(ErrorCode.SHUTTING_DOWN, reason));
    }
    if (this.#life !== undefined) await within(this.#parts.clock, this.#endBoundMs(), this.#life);
    this.#suspected = undefined;
    this.#setProcess(undefined);
    if (this.#state.kind !== 'stopped') this.#enter({ kind: 'stopped', reason: this.#endReason });
  }

  async #live(first: PromiseWithResolvers<void>): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      const failure = await this.#startAndServe(first);
      if (failure === undefined || signal.aborted) break;
      const delayMs = this.#fail(failure);
      if (delayMs === 'never') return;
      await pause(this.#parts.clock, delayMs, signal);
      if (!signal.aborted) this.#restarts += 1;
    }
    first.reject(signal.reason);
    this.#enter({ kind: 'stopped', reason: this.#endReason });
  }

  /** @returns why the process is gone, or undefined when the host wanted it so */
  async #startAndServe(first: PromiseWithResolvers<void>): Promise<Failure | undefined> {
    const { clock, launch, slots } = this.#parts;
    const { signal } = this.#ending;
    this.#enter({ kind: 'starting', sinceMs: clock.monotonic(), halfOpen: this.#policy.halfOpen });
    let sidecar: Sidecar;
    try {
      sidecar = await slots.run(() => launch(this.#describe(), signal), signal);
    } catch (error) {
      first.reject(error);
      return signal.aborted ? undefined : failureOf(error);
    }
    const serving: ServingProcess = new ServingProcess(sidecar, {
      onRelease: () => {
        this.#owner.onRelease();
      },
      onUnreachable: () => {
        this.#suspect(serving);
      },
    });
    if (!signal.aborted) {
      this.#health = { kind: 'healthy' };
      this.#report = undefined;
      this.#setProcess(serving);
      this.#enter({ kind: 'ready', sinceMs: clock.monotonic(), pid: sidecar.pid, startMs: sidecar.startMs });
      first.resolve();
    }
    const lost = await this.#serve(sidecar);
    this.#suspected = undefined;
    this.#setProcess(undefined);
    if (lost === undefined) {
      await this.#drain(serving);
      return undefined;
    }
    return buryLost(sidecar, lost, clock, this.#parts.settings.stopKillMs + LADDER_GRACE_MS);
  }

  /** Watches a ready process. @returns what ended it, or undefined when it is to be drained */
  async #serve(sidecar: Sidecar): Promise<BulkheadError | undefined> {
    const { clock, loop, settings } = this.#parts;
    const { signal } = this.#ending;
    if (signal.aborted) return undefined;
    const over = Promise.withResolvers<BulkheadError | undefined>();
    const onEnding = (): void => {
      over.resolve(undefined);
    };
    signal.addEventListener('abort', onEnding, { once: true });
    const endWatch = watchHealth({
      ask: (timeoutMs) => sidecar.health(timeoutMs),
      clock,
      loop,
      settings,
      onHealth: (health, report) => {
        this.#report = report ?? this.#report;
        this.#setHealth(health);
      },
      onGivenUp: (reason) => {
        const error = new BulkheadError(ErrorCode.PLUGIN_UNAVAILABLE, `the process was killed: ${reason}`);
        void sidecar.kill(error.message);
        over.resolve(error);
      },
    });
    sidecar.lost.then(over.resolve, over.reject);
    try {
      return await over.promise;
    } finally {
      endWatch();
      signal.removeEventListener('abort', onEnding);
    }
  }

  /** Out of rotation at once, calls in flight finish, then the stop ladder. */
  async #drain(serving: ServingProcess): Promise<void> {
    const { clock, settings } = this.#parts;
    const reason = this.#endReason;
    const { sidecar } = serving;
    this.#enter({ kind: 'draining', reason, pid: sidecar.pid });
    const idle = new Promise<void>((resolve) => {
      serving.whenIdle(resolve);
    });
    await within(clock, settings.stopDrainMs, Promise.race([idle, sidecar.lost]));
    const stopped = await within(clock, this.#ladderBoundMs(), sidecar.stop(reason));
    if (stopped === TIMED_OUT)
      await within(clock, settings.stopKillMs, sidecar.kill(`${reason}: it outlived its stop`));
  }

  #fail(failure: Failure): number | 'never' {
    const { clock } = this.#parts;
    if (isPermanent(failure)) {
      this.#enter({ kind: 'failed', failure, retryInMs: 'never' });
      return 'never';
    }
    const nowMs = clock.monotonic();
    const servedMs = this.#state.kind === 'ready' ? nowMs - this.#state.sinceMs : 0;
    const { kind, delayMs } = this.#policy.onFailure(nowMs, servedMs);
    this.#enter({ kind: kind === 'retry' ? 'failed' : 'quarantined', failure, retryInMs: delayMs });
    return delayMs;
  }

  /**
   * Out of rotation before the next call is placed. When the process is lost, `lost` says so before the next turn of
   * the event loop; when it is not, the error was the plugin's own word and the process is back in rotation.
   */
  #suspect(serving: ServingProcess): void {
    if (this.#process !== serving) return;
    this.#suspected = serving;
    this.#setProcess(undefined);
    setImmediate(() => {
      if (this.#suspected === serving) this.#setProcess(serving);
    });
  }

  #setProcess(process: ServingProcess | undefined): void {
    if (this.#process === process) return;
    this.#process = process;
    this.#owner.onProcess();
  }

  #setHealth(health: Health): void {
    const before = this.#health;
    this.#health = health;
    if (before.kind !== health.kind) this.#owner.onHealth(this, health);
  }

  #enter(state: InstanceState): void {
    const from = this.#state;
    this.#state = state;
    this.#owner.onState(this, from, state);
  }

  #ladderBoundMs(): number {
    const { stopDrainMs, stopTermMs, stopKillMs } = this.#parts.settings;
    return stopDrainMs + stopTermMs + stopKillMs + LADDER_GRACE_MS;
  }

  #endBoundMs(): number {
    const { stopDrainMs, stopKillMs } = this.#parts.settings;
    return stopDrainMs + this.#ladderBoundMs() + stopKillMs;
  }
}
