import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../clock.js';
import type { HostConfig, PluginConfig } from '../config/config.js';
import type { Launch, LaunchDescription } from '../sidecar/sidecar.js';
import type { Logger } from '../telemetry/logger.js';
import type { PluginGauges } from '../telemetry/metrics.js';
import { createEvents, type LifecycleListener } from './events.js';
import { wantsProcess } from './guard.js';
import { logEvent } from './log-event.js';
import { LoopWatch } from './loop-watch.js';
import { createOneAtATime } from './one-at-a-time.js';
import type { LifecyclePort } from './plugin-calls.js';
import { StartSlots } from './start-slots.js';
import { failureOf, type Failure } from './state.js';
import type { NotReady, PluginStatus } from './status.js';
import { SupervisedPlugin } from './supervised-plugin.js';

export interface SupervisorOptions {
  /** In configuration order. */
  readonly plugins: readonly PluginConfig[];
  readonly launch: Launch;
  /** What to launch for a plugin; may throw, which counts as a failed start. */
  readonly describe: (plugin: PluginConfig) => LaunchDescription;
  readonly clock: Clock;
  readonly log: Logger;
  readonly settings: HostConfig['lifecycle'];
  /** Jitter of restarts: 0 up to, not including, 1. Default: Math.random. */
  readonly random?: () => number;
  /** Processes that start at one time. Default: 4. */
  readonly startConcurrency?: number;
}

/** A plugin that `apply` could not bring to its new configuration. */
export interface ApplyFailure {
  readonly name: string;
  readonly failure: Failure;
}

/** What `apply` touched, by name. */
export interface ApplyReport {
  readonly started: readonly string[];
  readonly stopped: readonly string[];
  readonly reloaded: readonly string[];
  /** Changed without touching a process. */
  readonly updated: readonly string[];
  readonly failed: readonly ApplyFailure[];
}

/** Keeps the processes of all plugins running. The only one that changes their states. */
export interface Supervisor {
  /** Starts every enabled plugin; resolves when each is ready or had its first failure. Never rejects. */
  start(): Promise<void>;
  /** The plugins that take calls, in configuration order: each with the configuration in force. */
  active(): readonly { readonly config: PluginConfig; readonly port: LifecyclePort }[];
  status(): readonly PluginStatus[];
  gauges(): readonly PluginGauges[];
  /** Enabled plugins that a call would not reach. */
  notReady(): readonly NotReady[];
  /** @throws BulkheadError PLUGIN_NOT_FOUND; the start's own error, and then the old process serves on */
  reload(name: string, next?: PluginConfig): Promise<void>;
  /** Starts a disabled plugin, or tries a failed or quarantined one at once. @throws as `reload` does */
  enable(name: string): Promise<void>;
  /** @throws BulkheadError PLUGIN_NOT_FOUND */
  disable(name: string): Promise<void>;
  /** Brings everything to another configuration and touches only what changed. */
  apply(next: readonly PluginConfig[]): Promise<ApplyReport>;
  subscribe(listener: LifecycleListener): () => void;
  /**
   * Resolves when no call is in flight, at most after `limitMs`. A pipeline between two plugins has always asked the
   * next one before a timer can fire, so when no plugin has a call, no request is under way.
   */
  quiet(limitMs: number): Promise<void>;
  /** Takes no new calls, lets those in flight finish, stops every process. Returns within its bound; never rejects. */
  stop(): Promise<void>;
}

const START_CONCURRENCY = 4;
/** Looking now and then costs calls nothing; counting them would. */
const QUIET_POLL_MS = 10;
const STOP_REASON = 'the host is going down';

export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { clock, describe, log } = options;
  const events = createEvents((error) => {
    log.error({ err: error }, 'a listener of plugin events failed');
  });
  events.subscribe((event) => {
    logEvent(log, event);
  });
  const parts = {
    launch: options.launch,
    clock,
    loop: new LoopWatch(clock),
    slots: new StartSlots(options.startConcurrency ?? START_CONCURRENCY),
    settings: options.settings,
    random: options.random ?? Math.random,
  };
  const create = (config: PluginConfig): SupervisedPlugin =>
    new SupervisedPlugin(config, parts, describe, events.emit);
  let plugins = new Map(options.plugins.map((config) => [config.name, create(config)]));
  // No longer configured, and not gone yet.
  const leaving = new Set<SupervisedPlugin>();
  let stopping: Promise<void> | undefined;

  const oneApply = createOneAtATime();

  const find = (name: string): SupervisedPlugin => {
    if (stopping !== undefined) throw new BulkheadError(ErrorCode.SHUTTING_DOWN, STOP_REASON);
    const plugin = plugins.get(name);
    if (plugin !== undefined) return plugin;
    const known = [...plugins.keys()].join(', ') || 'none';
    throw new BulkheadError(
      ErrorCode.PLUGIN_NOT_FOUND,
      `no plugin '${name}' is configured; there are: ${known}`,
    );
  };

  const needsNewProcess = (before: PluginConfig, next: PluginConfig): boolean =>
    before.instances !== next.instances ||
    !isDeepStrictEqual(described(describe, before), described(describe, next));

  const applyOne = async (plugin: SupervisedPlugin, next: PluginConfig, report: Changes): Promise<void> => {
    const before = plugin.config;
    const wanted = wantsProcess(next);
    if (isDeepStrictEqual(before, next)) return;
    if (wantsProcess(before) !== wanted && wanted !== plugin.enabled) {
      report[wanted ? 'started' : 'stopped'].push(plugin.name);
      if (!wanted) await plugin.disable('disabled in the configuration');
      await plugin.update(next);
      if (wanted) await plugin.enable();
    } else if (plugin.enabled && needsNewProcess(before, next)) {
      report.reloaded.push(plugin.name);
      await plugin.reload(next);
    } else {
      report.updated.push(plugin.name);
      await plugin.update(next);
    }
  };

  const apply = async (next: readonly PluginConfig[]): Promise<ApplyReport> => {
    if (stopping !== undefined) throw new BulkheadError(ErrorCode.SHUTTING_DOWN, STOP_REASON);
    const report: Changes = { started: [], stopped: [], reloaded: [], updated: [], failed: [] };
    const before = plugins;
    plugins = new Map(next.map((config) => [config.name, before.get(config.name) ?? create(config)]));
    const attempt = async (name: string, operation: () => Promise<void>): Promise<void> => {
      try {
        await operation();
      } catch (error) {
        report.failed.push({ name, failure: failureOf(error) });
      }
    };
    const removed = [...before.values()].filter(({ name }) => !plugins.has(name));
    for (const { name } of removed) events.emit({ kind: 'changed', plugin: name });
    await Promise.all([
      ...removed.map(async (plugin) => {
        report.stopped.push(plugin.name);
        leaving.add(plugin);
        await plugin.end('removed from the configuration');
        leaving.delete(plugin);
      }),
      ...next.map((config) =>
        attempt(config.name, async () => {
          const plugin = find(config.name);
          if (before.has(config.name)) return applyOne(plugin, config, report);
          if (plugin.enabled) report.started.push(config.name);
          const started = plugin.start();
          events.emit({ kind: 'changed', plugin: config.name });
          return started;
        }),
      ),
    ]);
    return report;
  };

  return {
    async start() {
      parts.loop.start();
      await Promise.allSettled([...plugins.values()].map(async (plugin) => plugin.start()));
    },
    active: () =>
      [...plugins.values()]
        .filter((plugin) => plugin.enabled)
        .map((plugin) => ({ config: plugin.config, port: plugin.calls })),
    status: () => [...plugins.values()].map((plugin) => plugin.status()),
    gauges: () =>
      [...plugins.values()].map(({ name, calls, restarts, failures }) => ({
        plugin: name,
        inFlight: calls.inFlight,
        queued: calls.queued,
        restarts,
        ...(failures === undefined ? {} : { failures }),
      })),
    notReady: () => [...plugins.values()].flatMap((plugin) => plugin.notReady() ?? []),
    reload: async (name, next) => find(name).reload(next),
    enable: async (name) => find(name).enable(),
    disable: async (name) => find(name).disable('disabled by an operator'),
    apply: async (next) => oneApply(async () => apply(next)),
    subscribe: events.subscribe,
    async quiet(limitMs) {
      const untilMs = clock.monotonic() + limitMs;
      const busy = (): boolean =>
        [...plugins.values()].some(({ calls }) => calls.inFlight + calls.queued > 0);
      while (busy() && clock.monotonic() < untilMs) {
        await new Promise<void>((resolve) => {
          clock.after(QUIET_POLL_MS, resolve);
        });
      }
    },
    stop() {
      stopping ??= (async () => {
        const all = [...plugins.values(), ...leaving];
        await Promise.all(all.map(async (plugin) => plugin.end(STOP_REASON)));
        parts.loop.stop();
      })();
      return stopping;
    },
  };
}

type Changes = {
  readonly [K in keyof ApplyReport]: ApplyReport[K] extends readonly (infer Item)[] ? Item[] : never;
};

function described(
  describe: (plugin: PluginConfig) => LaunchDescription,
  plugin: PluginConfig,
): LaunchDescription | Failure {
  try {
    return describe(plugin);
  } catch (error) {
    return failureOf(error);
  }
}
