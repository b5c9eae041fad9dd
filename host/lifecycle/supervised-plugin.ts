import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { PluginConfig } from '../config/config.js';
import type { LaunchDescription } from '../sidecar/sidecar.js';
import type { LifecycleListener } from './events.js';
import { wantsProcess } from './guard.js';
import { Instance, type InstanceOwner, type InstanceParts } from './instance.js';
import { createOneAtATime } from './one-at-a-time.js';
import { PluginCalls } from './plugin-calls.js';
import type { ServingProcess } from './serving-process.js';
import { isBroken, type Health, type InstanceState } from './state.js';
import { reasonOf, statusOf, type NotReady, type PluginStatus } from './status.js';

/** One configured plugin: its process positions, and what is done to them as a whole. */
export class SupervisedPlugin {
  readonly name: string;
  readonly calls: PluginCalls;
  #config: PluginConfig;
  /** The configuration's word, or an operator's since. */
  #enabled: boolean;
  #over = false;
  #instances: Instance[] = [];
  // Every position that is not stopped: those being replaced, or not yet swapped in, too.
  readonly #alive = new Set<Instance>();
  #pastRestarts = 0;
  #failures: Partial<Record<ErrorCode, number>> | undefined;
  readonly #oneAtATime = createOneAtATime();
  readonly #parts: InstanceParts;
  readonly #describe: (plugin: PluginConfig) => LaunchDescription;
  readonly #emit: LifecycleListener;
  readonly #owner: InstanceOwner = {
    onState: (instance, from, to) => {
      this.#onState(instance, from, to);
    },
    onHealth: (instance, health) => {
      this.#refresh();
      this.#emit({ kind: 'health', plugin: this.name, instance: instance.index, health });
    },
    onProcess: () => {
      this.#refresh();
    },
    onRelease: () => {
      this.calls.onRelease();
    },
  };

  constructor(
    config: PluginConfig,
    parts: InstanceParts,
    describe: (plugin: PluginConfig) => LaunchDescription,
    emit: LifecycleListener,
  ) {
    this.name = config.name;
    this.#config = config;
    this.#enabled = wantsProcess(config);
    this.#parts = parts;
    this.#describe = describe;
    this.#emit = emit;
    this.calls = new PluginCalls(config.name, config, parts.clock, () => this.#unavailable());
  }

  get config(): PluginConfig {
    return this.#config;
  }

  get enabled(): boolean {
    return this.#enabled;
  }

  /** Starts every position. Rejects with the first failure; positions that failed are tried again all the same. */
  start(): Promise<void> {
    return this.#oneAtATime(async () => this.#startAll());
  }

  /** Starts a disabled plugin, or what failed of an enabled one without waiting for its next try. */
  enable(): Promise<void> {
    return this.#oneAtATime(async () => {
      this.#assertNotOver();
      if (!this.#enabled) {
        this.#enabled = true;
        const started = this.#startAll();
        this.#changed();
        await started;
        return;
      }
      const broken = this.#instances.filter(({ state }) => isBroken(state));
      const fresh = broken.map(({ index }) => (this.#instances[index] = this.#create(index, this.#config)));
      await Promise.all(broken.map(async (instance) => instance.end('enabled again')));
      await startEach(fresh);
    });
  }

  disable(reason: string): Promise<void> {
    return this.#oneAtATime(async () => {
      if (!this.#enabled) return;
      this.#enabled = false;
      this.#changed();
      await this.#endAll(reason);
    });
  }

  /** Takes a configuration that concerns the host alone; no process notices. */
  update(next: PluginConfig): Promise<void> {
    return this.#oneAtATime(async () => {
      this.#use(next);
      return Promise.resolve();
    });
  }

  /**
   * Replaces the processes one after another: starts the new one, waits until it is ready, swaps, lets the calls on
   * the old one finish, stops it. When a start fails, what was replaced goes back to the old configuration.
   *
   * @throws BulkheadError the start's own error
   */
  reload(next: PluginConfig = this.#config): Promise<void> {
    return this.#oneAtATime(async () => {
      this.#assertNotOver();
      const before = this.#config;
      if (!this.#enabled) {
        this.#use(next);
        return;
      }
      for (let index = 0; index < next.instances; index += 1) {
        try {
          await this.#replace(index, next, index === next.instances - 1);
        } catch (error) {
          await this.#restore(index, before);
          throw error;
        }
      }
      await this.#shrinkTo(next.instances, 'fewer instances');
    });
  }

  /** Ends everything, also what is just starting, for good. Bounded; never rejects. */
  async end(reason: string): Promise<void> {
    this.#over = true;
    this.#enabled = false;
    await this.#endAll(reason);
  }

  status(): PluginStatus {
    return statusOf(this.#config, this.#enabled, this.#instances, this.calls, this.restarts);
  }

  /** Failures of all positions so far, by code; undefined when there was none. */
  get failures(): Readonly<Partial<Record<ErrorCode, number>>> | undefined {
    return this.#failures;
  }

  /** Times that a process was started again after a failure. */
  get restarts(): number {
    return this.#instances.reduce((sum, instance) => sum + instance.restarts, this.#pastRestarts);
  }

  notReady(): NotReady | undefined {
    if (!this.#enabled || this.calls.serving) return undefined;
    const { name, state, health, guard } = this.status();
    return { name, state: state.kind, reason: reasonOf(state, health), guard };
  }

  async #startAll(): Promise<void> {
    if (!this.#enabled || this.#over || this.#instances.length > 0) return;
    const { instances } = this.#config;
    this.#instances = Array.from({ length: instances }, (_, index) => this.#create(index, this.#config));
    await startEach(this.#instances);
  }

  async #replace(index: number, config: PluginConfig, last: boolean): Promise<void> {
    const fresh = this.#create(index, config);
    try {
      await fresh.start();
    } catch (error) {
      await fresh.end('the reload failed');
      throw error;
    }
    if (this.#over) return;
    const old = this.#instances[index];
    this.#instances[index] = fresh;
    this.#refresh();
    if (last) this.#use(config);
    await old?.end('replaced by a reload');
  }

  async #restore(count: number, config: PluginConfig): Promise<void> {
    for (let index = 0; index < Math.min(count, config.instances); index += 1) {
      try {
        await this.#replace(index, config, false);
      } catch {
        // The one with the new configuration serves on, which is better than none; its restart tells what failed.
      }
    }
    await this.#shrinkTo(config.instances, 'the reload failed');
  }

  async #shrinkTo(length: number, reason: string): Promise<void> {
    const surplus = this.#instances.splice(length);
    this.#refresh();
    await Promise.all(surplus.map(async (instance) => instance.end(reason)));
  }

  async #endAll(reason: string): Promise<void> {
    this.#instances = [];
    this.#refresh();
    await Promise.all([...this.#alive].map(async (instance) => instance.end(reason)));
  }

  #create(index: number, config: PluginConfig): Instance {
    this.#assertNotOver();
    const instance = new Instance(index, this.#parts, () => this.#describe(config), this.#owner);
    this.#alive.add(instance);
    return instance;
  }

  /** Whoever waited for its turn while the plugin was ended must not hear that all went well. */
  #assertNotOver(): void {
    if (this.#over)
      throw new BulkheadError(ErrorCode.SHUTTING_DOWN, `plugin '${this.name}' is being stopped`);
  }

  #use(config: PluginConfig): void {
    this.#config = config;
    this.calls.setLimits(config);
    this.#changed();
  }

  #changed(): void {
    this.#emit({ kind: 'changed', plugin: this.name });
  }

  /** Who takes calls: those that answer; when none does, those that may only be slow; never one that asked for none. */
  #refresh(): void {
    const ready = (kinds: readonly Health['kind'][]): ServingProcess[] =>
      this.#instances.flatMap(({ process, health }) =>
        process !== undefined && kinds.includes(health.kind) ? [process] : [],
      );
    const responsive = ready(['healthy', 'degraded']);
    this.calls.setRotation(responsive.length > 0 ? responsive : ready(['unresponsive']));
  }

  #onState(instance: Instance, from: InstanceState, to: InstanceState): void {
    if (to.kind === 'stopped' && this.#alive.delete(instance)) {
      if (this.#instances[instance.index] !== instance) this.#pastRestarts += instance.restarts;
    }
    if (to.kind === 'failed' || to.kind === 'quarantined') {
      const { code } = to.failure;
      this.#failures = { ...this.#failures, [code]: (this.#failures?.[code] ?? 0) + 1 };
    }
    const source = { plugin: this.name, instance: instance.index };
    this.#emit({ kind: 'state', ...source, from, to });
    if (to.kind === 'failed' && to.retryInMs !== 'never') {
      this.#emit({ kind: 'restart', ...source, failure: to.failure, delayMs: to.retryInMs });
    }
    if (to.kind === 'quarantined') {
      this.#emit({ kind: 'quarantine', ...source, failure: to.failure, retryInMs: to.retryInMs });
    }
  }

  #unavailable(): BulkheadError {
    const { state, health } = this.status();
    const why = this.#enabled ? reasonOf(state, health) : 'it is disabled';
    return new BulkheadError(ErrorCode.PLUGIN_UNAVAILABLE, `plugin '${this.name}' takes no calls: ${why}`, {
      retryable: true,
    });
  }
}

async function startEach(instances: readonly Instance[]): Promise<void> {
  const results = await Promise.allSettled(instances.map(async (instance) => instance.start()));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
