import {
  API_CAPABILITIES,
  formatPath,
  isApiCapability,
  type SchemaNotice,
} from '@bulkhead/proto/rules/schema';

/**
 * Which part of the host acts on a key of the manifest. `later` marks a key that is accepted and checked today and
 * whose feature comes with a later release; whoever builds that feature writes its part here.
 * A test holds this table and the manifest's schema together both ways.
 */
export const KEY_CONSUMERS: Readonly<Record<string, string>> = {
  $schema: 'editors',
  id: 'catalog',
  name: 'catalog',
  version: 'catalog',
  description: 'cli',
  author: 'cli',
  license: 'cli',
  keywords: 'cli',
  plugin_type: 'manifest',
  entry: 'lifecycle',
  maturity: 'config',
  migration_guide: 'cli',
  support: 'cli',
  documentation: 'cli',
  'quality.test_coverage': 'cli',
  'quality.security_audit': 'cli',
  'quality.performance_benchmark': 'cli',
  capabilities: 'cli',
  hooks: 'config',
  instances: 'config',
  'permissions.services': 'config',
  'permissions.context': 'dispatch',
  'permissions.network': 'sidecar',
  'permissions.secrets': 'services',
  'permissions.filesystem': 'sidecar',
  'permissions.subprocess': 'sidecar',
  'permissions.plugins': 'later',
  'permissions.open_routes': 'contributions',
  config_schema: 'config',
  'compat.app': 'manifest',
  'compat.api': 'manifest',
  'compat.node': 'manifest',
  'limits.timeout_ms': 'config',
  'limits.max_in_flight': 'config',
  'limits.memory_mb': 'config',
  'limits.cpu': 'config',
  'limits.processes': 'config',
  'limits.open_files': 'config',
  'limits.disk_mb': 'config',
  object_hooks: 'objects',
  'contributes.tools': 'tools',
  'contributes.commands': 'contributions',
  'contributes.routes': 'contributions',
  'contributes.mcp_servers': 'upstream',
  'contributes.schedules': 'services',
  'contributes.custom_hooks': 'config',
  'contributes.resource_types': 'later',
  resource_types: 'later',
  'ui.slots': 'later',
  'rpc.basePath': 'contributions',
  'rpc.methods': 'contributions',
  assets: 'manifest',
  'security.csp': 'later',
};

/** Hooks whose names are fixed and that nothing calls yet. */
export const LATER_HOOKS: ReadonlySet<string> = new Set([
  'pre_auth',
  'auth',
  'post_auth',
  'on_response',
  'data_collection',
]);

const LATER = 'is accepted; nothing uses it yet, its feature comes with a later release.';

/** One NOTICE for each thing that a manifest says and that this release does not act on. */
export function notYetUsed(source: Readonly<Record<string, unknown>>): readonly SchemaNotice[] {
  const notices: SchemaNotice[] = [];
  const say = (keys: readonly (string | number)[], what: string): void => {
    notices.push({ code: 'NOT_YET_USED', message: `${what} ${LATER}`, keys });
  };
  for (const [path, consumer] of Object.entries(KEY_CONSUMERS)) {
    if (consumer !== 'later') continue;
    const keys = path.split('.');
    const value = at(source, keys);
    if (value !== undefined && value !== false && !isEmpty(value)) say(keys, formatPath(keys));
  }
  const hooks = source['hooks'];
  const names = Array.isArray(hooks) ? hooks.map(String) : isRecord(hooks) ? Object.keys(hooks) : [];
  for (const [index, name] of names.entries()) {
    if (LATER_HOOKS.has(name)) say(['hooks', Array.isArray(hooks) ? index : name], `hook '${name}'`);
  }
  const apis = at(source, ['compat', 'api']);
  for (const [index, name] of (Array.isArray(apis) ? apis.map(String) : []).entries()) {
    if (isApiCapability(name) && !API_CAPABILITIES[name].offered)
      say(['compat', 'api', index], `API '${name}'`);
  }
  return notices;
}

function at(value: unknown, keys: readonly string[]): unknown {
  let found = value;
  for (const key of keys) found = isRecord(found) ? found[key] : undefined;
  return found;
}

/** An empty list asks for nothing: `slots: []` needs no notice. */
function isEmpty(value: unknown): boolean {
  return Array.isArray(value) ? value.length === 0 : isRecord(value) && Object.keys(value).length === 0;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
