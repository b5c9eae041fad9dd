import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { PluginServiceClientImpl, type PluginSummary } from '@bulkhead/proto/host';
import { stringifyJson } from '@bulkhead/proto/json';
import { allPages, toPage, type Page, type PageOptions } from './page.js';
import type { HostRpc } from './transport.js';

/** A configured plugin, and how it is. */
export interface PluginInfo {
  /** The configured entry's name. */
  readonly name: string;
  readonly id: string;
  readonly version: string;
  readonly enabled: boolean;
  /** installed, starting, ready, draining, stopped, failed, quarantined, disabled. */
  readonly state: string;
  /** healthy, degraded, unresponsive; undefined when it does not run. */
  readonly health: string | undefined;
  readonly mode: string;
  readonly hooks: readonly string[];
  readonly maturity: string;
}

export interface PluginCounts {
  readonly total: number;
  readonly byState: Readonly<Record<string, number>>;
}

/** The host's plugins. Reading needs the scope plugins.read; writing plugins.write. A plugin never enables or grants. */
export interface Plugins {
  list(options?: PageOptions): Promise<Page<PluginInfo>>;
  all(): AsyncIterable<PluginInfo>;
  /** @throws BulkheadError NOT_FOUND, as a rejection */
  get(name: string): Promise<PluginInfo>;
  counts(): Promise<PluginCounts>;
  /**
   * Adds a disabled entry that an operator enables or throws away.
   *
   * @param plugin id, package name or manifest name of an installed plugin
   */
  createPending(
    name: string,
    plugin: string,
    config?: Readonly<Record<string, unknown>>,
  ): Promise<PluginInfo>;
  /** Merges into the `config` of a plugin that this one's `permissions.plugins` name: maps by key, null removes. */
  updateConfig(name: string, config: Readonly<Record<string, unknown>>): Promise<PluginInfo>;
}

export function createPlugins(rpc: HostRpc): Plugins {
  const client = new PluginServiceClientImpl(rpc);
  const plugins: Plugins = {
    async list({ pageSize, pageToken } = {}) {
      const answer = await client.ListPlugins({ pageSize: pageSize ?? 0, pageToken: pageToken ?? '' });
      return toPage(answer.plugins.map(toInfo), answer.nextPageToken);
    },
    all: () => allPages((options: PageOptions) => plugins.list(options), {}),
    get: async (name) => toInfo((await client.GetPlugin({ name })).plugin),
    async counts() {
      const { total, byState } = await client.CountPlugins({});
      return { total, byState };
    },
    async createPending(name, plugin, config = {}) {
      const answer = await client.CreatePendingPlugin({ name, plugin, configJson: stringifyJson(config) });
      return toInfo(answer.plugin);
    },
    async updateConfig(name, config) {
      const answer = await client.UpdatePluginConfig({ name, configJson: stringifyJson(config) });
      return toInfo(answer.plugin);
    },
  };
  return plugins;
}

function toInfo(plugin: PluginSummary | undefined): PluginInfo {
  if (plugin === undefined) {
    throw new BulkheadError(
      ErrorCode.PROTOCOL_ERROR,
      'the host answered without the plugin that it promised',
    );
  }
  return { ...plugin, health: plugin.health === '' ? undefined : plugin.health };
}
