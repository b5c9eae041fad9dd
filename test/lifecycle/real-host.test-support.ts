import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHost } from '../../host/create-host.js';
import type { Host } from '../../host/host.js';
import type { LifecycleEvent } from '../../host/lifecycle/events.js';
import { createLogger } from '../../host/telemetry/logger.js';

export const fixture = (name: string): string => join(import.meta.dirname, '../fixtures/plugins', name);

/** Whether a process is there and not a zombie. */
export function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}/exe`);
}

export interface RealHost {
  readonly host: Host;
  /** The configuration that it was made from, complete. */
  readonly config: object;
  readonly dataDir: string;
  readonly events: LifecycleEvent[];
  readonly log: string[];
  /** Process ids of a plugin, by position. */
  pids(plugin: string): number[];
  /** Resolves with the first event from now on that fits. */
  next(fits: (event: LifecycleEvent) => boolean): Promise<LifecycleEvent>;
  /** Resolves when a position of the plugin is ready again. */
  ready(plugin: string): Promise<LifecycleEvent>;
  /** Stops the host and fails when it leaves anything behind. */
  close(): Promise<void>;
}

/** A host with real processes, in a directory of its own. `start` is the caller's. */
export async function realHost(config: {
  readonly plugins: Readonly<Record<string, object>>;
  readonly lifecycle?: object;
  readonly host?: object;
}): Promise<RealHost> {
  const directory = await mkdtemp(join(tmpdir(), 'bulkhead-lifecycle-'));
  const log: string[] = [];
  const events: LifecycleEvent[] = [];
  const seen = new Set<number>();
  const waiting = new Set<(event: LifecycleEvent) => void>();
  const complete = { ...config, environment: 'development', host: { data_dir: directory, ...config.host } };
  const host = await createHost(complete, {
    log: createLogger({ level: 'debug', destination: { write: (line) => log.push(line) } }),
  });
  host.subscribe((event) => {
    events.push(event);
    if (event.kind === 'state' && event.to.kind === 'ready') seen.add(event.to.pid);
    for (const tell of waiting) tell(event);
  });
  const next = async (fits: (event: LifecycleEvent) => boolean): Promise<LifecycleEvent> =>
    new Promise((resolve) => {
      const tell = (event: LifecycleEvent): void => {
        if (!fits(event)) return;
        waiting.delete(tell);
        resolve(event);
      };
      waiting.add(tell);
    });
  return {
    host,
    config: complete,
    dataDir: directory,
    events,
    log,
    pids: (plugin) =>
      host
        .status()
        .plugins.filter(({ name }) => name === plugin)
        .flatMap(({ instances }) => instances.flatMap(({ pid }) => pid ?? [])),
    next,
    ready: async (plugin) =>
      next((event) => event.kind === 'state' && event.plugin === plugin && event.to.kind === 'ready'),
    async close() {
      await host.stop();
      const left = existsSync(join(directory, 'run')) ? readdirSync(join(directory, 'run')) : [];
      const alive = [...seen].filter(isAlive);
      await rm(directory, { recursive: true, force: true });
      if (left.length > 0 || alive.length > 0) {
        throw new Error(`left behind: ${JSON.stringify({ left, alive })}`);
      }
    },
  };
}

export interface Load {
  /** Outcome to count: `allowed`, or the code of the refusal or error. */
  readonly outcomes: Map<string, number>;
  readonly calls: () => number;
  /** Ends the load and waits for the calls in flight. */
  stop(): Promise<void>;
}

/** Keeps `inFlight` calls under way until stopped. */
export function underLoad(inFlight: number, call: () => ReturnType<Host['invoke']>): Load {
  const outcomes = new Map<string, number>();
  let calls = 0;
  let over = false;
  const lane = async (): Promise<void> => {
    while (!over) {
      let outcome: string;
      try {
        const result = await call();
        outcome = result.allowed ? 'allowed' : result.violation.code;
      } catch (error) {
        outcome = String(error);
      }
      calls += 1;
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      // A refusal for want of a process comes without a turn of the event loop, and a lane must not starve the loop.
      if (outcome !== 'allowed') await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const lanes = Array.from({ length: inFlight }, lane);
  return {
    outcomes,
    calls: () => calls,
    async stop() {
      over = true;
      await Promise.all(lanes);
    },
  };
}

/** Resolves when the load has made `count` more calls. */
export async function moreCalls(load: Load, count: number): Promise<void> {
  const goal = load.calls() + count;
  while (load.calls() < goal) await new Promise((resolve) => setImmediate(resolve));
}
