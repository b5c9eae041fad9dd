import type { PluginConfig } from '../config/config.js';
import type { Supervisor } from '../lifecycle/supervisor.js';
import type { ContextPermission, DispatchEntry } from './port.js';

const CONTEXT_PERMISSIONS: ReadonlySet<string> = new Set<ContextPermission>([
  'read_user',
  'read_roles',
  'read_claims',
  'read_headers',
  'write_headers',
]);

function isContextPermission(name: string): name is ContextPermission {
  return CONTEXT_PERMISSIONS.has(name);
}

/** What of a request's context a plugin was granted. */
export function contextPermissionsOf({ granted }: PluginConfig): ReadonlySet<ContextPermission> {
  return new Set(granted.context.filter(isContextPermission));
}

/** The plugins that take calls, as dispatch knows them. */
export function entriesOf(supervisor: Supervisor): DispatchEntry[] {
  return supervisor.active().map(({ config, port }) => ({
    port: {
      name: config.name,
      id: config.manifest.id,
      version: config.manifest.version,
      contextPermissions: contextPermissionsOf(config),
      invoke: port.invoke.bind(port),
      invokeBatch: port.invokeBatch.bind(port),
    },
    registrations: config.hooks
      .filter(({ mode }) => mode !== 'disabled')
      .map((hook) => ({ ...hook, onError: config.onError })),
  }));
}
