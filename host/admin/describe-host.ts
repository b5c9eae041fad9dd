import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { HostConfig } from '../config/config.js';
import type { Host } from '../host.js';
import type { Store } from '../store/store.js';
import type { Upstreams } from '../upstream/upstreams.js';
import type { MeasuredProcess } from './metrics-text.js';
import { describePlugin } from './plugin-status.js';
import type { DaemonStatus, PluginStatus } from './status.js';
import { describeUpstream } from './upstream-status.js';

export function storeStatus(store: Store): DaemonStatus['store'] {
  const health = store.health();
  return { engine: store.engine, ...(health.ok ? {} : { reason: health.reason }) };
}

export function processesOf(host: Host<HostConfig>): readonly MeasuredProcess[] {
  return host
    .status()
    .plugins.flatMap(({ name, instances }) =>
      instances.flatMap(({ pid, eventLoopDelayP99Us }) =>
        pid === undefined
          ? []
          : [{ plugin: name, pid, ...(eventLoopDelayP99Us === undefined ? {} : { eventLoopDelayP99Us }) }],
      ),
    );
}

export function pluginStatuses(config: HostConfig, host: Host<HostConfig>): readonly PluginStatus[] {
  const running = new Map(host.status().plugins.map((status) => [status.name, status]));
  return config.plugins.map((plugin) => describePlugin(plugin, running.get(plugin.name)));
}

export function upstreamStatuses(config: HostConfig, upstreams: Upstreams): DaemonStatus['upstreams'] {
  const transports = new Map(config.upstreams.map(({ name, transport }) => [name, transport]));
  return upstreams.all.map(({ name, state }) => describeUpstream(name, transports.get(name) ?? '', state));
}

export function findPlugin(plugins: readonly PluginStatus[], name: string): PluginStatus {
  const found = plugins.find((plugin) => plugin.name === name);
  if (found !== undefined) return found;
  const known = plugins.map((plugin) => plugin.name).join(', ') || 'none';
  throw new BulkheadError(
    ErrorCode.PLUGIN_NOT_FOUND,
    `No plugin '${name}' is configured; there are: ${known}.`,
  );
}
