import type { PluginConfig } from '../config/config.js';

/** Whether the plugin guards: a request that it cannot judge is refused. */
export function isGuard(plugin: PluginConfig): boolean {
  return (
    plugin.onError === 'fail' &&
    plugin.hooks.some(({ mode }) => mode === 'sequential' || mode === 'concurrent')
  );
}

/** Whether the plugin needs a process at all. */
export function wantsProcess(plugin: PluginConfig): boolean {
  if (!plugin.enabled) return false;
  return plugin.hooks.length === 0
    ? plugin.mode !== 'disabled'
    : plugin.hooks.some(({ mode }) => mode !== 'disabled');
}
