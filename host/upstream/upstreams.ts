import { isDeepStrictEqual } from 'node:util';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Clock } from '../clock.js';
import type { UpstreamConfig } from '../config/config.js';
import { isPluginServer } from '../config/plugin-servers.js';
import type { BackoffOptions } from './backoff.js';
import type { Log } from './log.js';
import type { FetchOfPlugin, LaunchPluginServer } from './route.js';
import { LISTS, Upstream } from './upstream.js';
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
  /** Default: the same. */
  readonly fetchOfPlugin?: FetchOfPlugin;
  /** From 0 up to 1. Default: Math.random. */
  readonly random?: () => number;
}

export type UpstreamListener = (upstream: Upstream, event: UpstreamEvent) => void;

/** All configured MCP servers, in configuration order. */
export interface Upstreams {
  /** As of now. */
  readonly all: readonly Upstream[];
  get(name: string): Upstream | undefined;
  /** Starts them all; resolves after the first attempt of each, successful or not. */
  start(): Promise<void>;
  /** Ends those that a configuration does not have any more, or has from somebody else. */
  retain(configs: readonly UpstreamConfig[]): Promise<void>;
  /** All of this configuration and no others from now on. Resolves after the first attempt of each that is new or changed. */
  update(configs: readonly UpstreamConfig[]): Promise<void>;
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
  const emit: UpstreamListener = (upstream, event) => {
    for (const listener of listeners) listener(upstream, event);
  };
  const create = (config: UpstreamConfig): Upstream =>
    new Upstream(config, {
      clock: options.clock,
      log: options.log,
      hostEnv: options.hostEnv,
      backoff: { ...DEFAULT_BACKOFF, ...options.backoff },
      maxMessageBytes: options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES,
      launchPluginServer: options.launchPluginServer ?? noPlugins,
      fetchOfPlugin: options.fetchOfPlugin ?? noPluginsToFetchFor,
      random: options.random ?? Math.random,
      emit,
    });
  let all = configs.map(create);
  let stopped = false;
  const get = (name: string): Upstream | undefined => all.find((upstream) => upstream.name === name);
  const retain = async (next: readonly UpstreamConfig[]): Promise<void> => {
    const kept = all.filter(({ config }) => next.some((wanted) => isSameServer(config, wanted)));
    const gone = all.filter((upstream) => !kept.includes(upstream));
    all = kept;
    await Promise.all(gone.map((upstream) => upstream.stop()));
    for (const upstream of gone)
      for (const list of LISTS)
        if (list in upstream.capabilities) emit(upstream, { kind: 'list_changed', list });
  };
  return {
    get all() {
      return all;
    },
    get,
    async start() {
      await Promise.all(all.map((upstream) => upstream.start()));
    },
    retain,
    async update(next) {
      await retain(next);
      if (stopped) return;
      const before = all;
      all = next.map((config) => before.find(({ name }) => name === config.name) ?? create(config));
      await Promise.all(
        all.map((upstream, index) => {
          const config = next[index];
          return config === undefined || isDeepStrictEqual(upstream.config, config)
            ? upstream.start()
            : upstream.reconfigure(config);
        }),
      );
    },
    down: () => all.filter((upstream) => upstream.state.kind !== 'ready').map((upstream) => upstream.name),
    listen(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
    async stop() {
      stopped = true;
      await Promise.all(all.map((upstream) => upstream.stop()));
    },
  };
}

/** Whether it is the same one, however it is reached now: nobody else's of the same name. */
function isSameServer(one: UpstreamConfig, other: UpstreamConfig): boolean {
  return one.name === other.name && ownerOf(one) === ownerOf(other);
}

/** The plugin that contributes it; undefined: an operator. */
function ownerOf(config: UpstreamConfig): string | undefined {
  return isPluginServer(config) ? config.plugin : undefined;
}

const noPlugins: LaunchPluginServer = ({ plugin }) =>
  Promise.reject(new BulkheadError(ErrorCode.PLUGIN_UNAVAILABLE, `no plugin '${plugin}' runs here`));

const noPluginsToFetchFor: FetchOfPlugin =
  ({ plugin }) =>
  () =>
    Promise.reject(new BulkheadError(ErrorCode.PLUGIN_UNAVAILABLE, `no plugin '${plugin}' runs here`));
