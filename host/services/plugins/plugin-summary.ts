import type { PluginSummary } from '@bulkhead/proto/host';
import type { PluginConfig } from '../../config/config.js';
import type { PluginStatus } from '../../lifecycle/status.js';

/** A configured plugin, as other plugins may know it. */
export function summaryOf(config: PluginConfig, status: PluginStatus | undefined): PluginSummary {
  const enabled = status?.enabled ?? false;
  return {
    name: config.name,
    id: config.manifest.id,
    version: config.manifest.version,
    enabled,
    state: enabled ? (status?.state.kind ?? 'installed') : 'disabled',
    health: enabled && status?.serving === true ? status.health.kind : '',
    mode: config.mode,
    hooks: [...new Set(config.hooks.map(({ hook }) => hook))],
    maturity: config.manifest.maturity ?? '',
  };
}
