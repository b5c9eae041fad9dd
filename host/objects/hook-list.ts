import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { ObjectHook, ObjectType } from '@bulkhead/proto/rules';
import type { PluginConfig } from '../config/config.js';
import type { LifecyclePort } from '../lifecycle/plugin-calls.js';
import type { Actor } from '../telemetry/audit.js';

/** A plugin that takes calls, with the configuration in force. */
export interface HookedPlugin {
  readonly config: PluginConfig;
  readonly port: LifecyclePort;
}

/** What somebody asked to happen to an object. */
export type Action = 'create' | 'update' | 'delete';

/** Plugins that `on_error: disable` took out until an operator resets them. */
export interface HookRotation {
  isOut(plugin: string): boolean;
  disable(plugin: string, reason: string): void;
}

/**
 * The plugins whose hook runs: ascending priority, then configuration order. A plugin's own write does not call its own
 * hooks.
 */
export function hooksFor(
  plugins: readonly HookedPlugin[],
  type: ObjectType,
  hook: ObjectHook,
  actor: Actor,
): readonly HookedPlugin[] {
  return plugins
    .filter(
      ({ config }) =>
        config.objectHookMode !== 'disabled' && !(actor.kind === 'plugin' && actor.id === config.name),
    )
    .flatMap((plugin) => {
      const priority = priorityOf(plugin.config, type, hook);
      return priority === undefined ? [] : [{ plugin, priority }];
    })
    .sort((one, other) => one.priority - other.priority)
    .map(({ plugin }) => plugin);
}

/** Where consent ends: whoever calls a hook that was kept for later asks once more. */
export function assertRuns(plugin: PluginConfig, type: ObjectType, hook: ObjectHook): void {
  if (priorityOf(plugin, type, hook) !== undefined) return;
  throw new BulkheadError(
    ErrorCode.PERMISSION_DENIED,
    `the object hook ${type}.${hook} is not granted to '${plugin.name}' (any more). Grant it with \`bulkhead plugin grants ${plugin.manifest.id}\``,
  );
}

function priorityOf({ objectHooks }: PluginConfig, type: ObjectType, hook: ObjectHook): number | undefined {
  const found = objectHooks.find(({ object, hooks }) => object === type && hooks.includes(hook));
  return found?.priority;
}

/** Whether a denial counts, and an error refuses. */
export function mayDeny({ objectHookMode: mode }: PluginConfig): boolean {
  return mode === 'sequential' || mode === 'concurrent';
}

/** Whether a changed object is kept. */
export function mayChange({ objectHookMode: mode }: PluginConfig): boolean {
  return mode === 'sequential' || mode === 'transform';
}
