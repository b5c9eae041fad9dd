import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Clock } from '../clock.js';
import type { UpstreamConfig } from '../config/config.js';
import type { BackoffOptions } from './backoff.js';
import type { Log } from './log.js';
import type { LaunchPluginServer } from './route.js';
import { Upstream } from './upstream.js';
import type { UpstreamEvent } from './upstream-event.js';

export interface UpstreamsOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** The host's own environment; only PATH, HOME, LANG, LC_ALL, TZ and TMPDIR of it reach an upstream. */
  readonly hostEnv: Readonly<Record<string, string | undefined>>;
  /** Default: 250 ms doubling to 30 s; 5 failures in 60 s put it into quarantine. */
  readonly backoff?: Partial<BackoffOptions>;
  /** Longest message read from an upstream. Default: 32 MiB. */
  readonly maxMessageBytes?: number;
  /** Default: there are no plugins, so no servers of theirs. */
  readonly launchPluginServer?: LaunchPluginServer;
  /** From 0 up to 1. Default: Math.random. */
  readonly random?: () => number;
}

export type UpstreamListener = (upstream: Upstream, event: UpstreamEvent) => void;

/** All configured MCP servers, in configuration order. */
export interface Upstreams {
  readonly all: readonly Upstream[];
  get(name: string): Upstream | undefined;
  /** Starts them all; resolves after the first attempt of each, successful or not. */
  start(): Promise<void>;
  /** Names of those that do not serve now. */
  down(): readonly string[];
  /** @returns stops listening */
  listen(listener: UpstreamListener): () => void;
  /** Ends them all; bounded. */
  stop(): Promise<void>;
}

const DEFAULT_BACKOFF: BackoffOptions = {
  initialMs: 250,
  maxMs: 30_000,
  crashLimit: 5,
  crashWindowMs: 60_000,
};
const DEFAULT_MAX_MESSAGE_BYTES = 32 * 1024 * 1024;

export function createUpstreams(configs: readonly UpstreamConfig[], options: UpstreamsOptions): Upstreams {
  const listeners = new Set<UpstreamListener>();
  const all = configs.map(
    (config) =>
      new Upstream(config, {
        clock: options.clock,
        log: options.log,
        hostEnv: options.hostEnv,
        backoff: { ...DEFAULT_BACKOFF, ...options.backoff },
        maxMessageBytes: options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES,
        launchPluginServer: options.launchPluginServer ?? noPlugins,
        random: options.random ?? Math.random,
        emit: (upstream, event) => {
          for (const listener of listeners) listener(upstream, event);
        },
      }),
  );
  const byName = new Map(all.map((upstream) => [upstream.name, upstream]));
  return {
    all,
    get: (name) => byName.get(name),
    async start() {
      await Promise.all(all.map((upstream) => upstream.start()));
    },
    down: () => all.filter((upstream) => upstream.state.kind !== 'ready').map((upstream) => upstream.name),
    listen(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
    async stop() {
      await Promise.all(all.map((upstream) => upstream.stop()));
    },
  };
}

const noPlugins: LaunchPluginServer = ({ plugin }) =>
  Promise.reject(new BulkheadError(ErrorCode.PLUGIN_UNAVAILABLE, `no plugin '${plugin}' runs here`));
