import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { PluginConfig } from '../config/config.js';
import type { Mode } from '../manifest/manifest.js';
import type { NotReady } from './status.js';

/** Whether the plugin guards: a request that it cannot judge is refused. */
export function isGuard(plugin: PluginConfig): boolean {
  return plugin.onError === 'fail' && (plugin.hooks.some(refuses) || guardsObjects(plugin));
}

function refuses({ mode }: { readonly mode: Mode }): boolean {
  return mode === 'sequential' || mode === 'concurrent';
}

function guardsObjects({ objectHooks, objectHookMode }: PluginConfig): boolean {
  return (
    refuses({ mode: objectHookMode }) &&
    objectHooks.some(({ hooks }) => hooks.some((hook) => hook.startsWith('before_')))
  );
}

/** Whether the plugin needs a process at all. */
export function wantsProcess(plugin: PluginConfig): boolean {
  if (!plugin.enabled) return false;
  if (plugin.hooks.length === 0) return plugin.mode !== 'disabled';
  const hooksObjects = plugin.objectHooks.length > 0 && plugin.objectHookMode !== 'disabled';
  return hooksObjects || plugin.hooks.some(({ mode }) => mode !== 'disabled');
}

/** Why a host does not start. */
export function guardsNotReady(guards: readonly NotReady[]): BulkheadError {
  const list = guards.map(({ name, reason }) => `${name} (${reason})`).join('; ');
  return new BulkheadError(
    ErrorCode.GUARD_NOT_READY,
    `a guard that cannot run would refuse everything it guards, so the host does not start: ${list}. Mend it, disable it, or set its mode or on_error so that it does not guard`,
    { details: { guards } },
  );
}
