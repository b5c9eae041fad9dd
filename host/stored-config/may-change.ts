import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { namesDirectory } from '@bulkhead/proto/rules';
import type { Actor } from '../telemetry/audit.js';
import type { ConfigChange, Leaf } from './leaves.js';

/**
 * What of an entry may be set by other means than a file. Not there: what would run a program, reach elsewhere or read
 * the daemon's environment (`command`, `address`, `tls`, `env`, `network`), and `grants`, which are decided apart.
 */
const EDITABLE: ReadonlySet<string> = new Set([
  'enabled',
  'plugin',
  'mode',
  'priority',
  'on_error',
  'timeout_ms',
  'hooks',
  'conditions',
  'instances',
  'max_in_flight',
  'max_queue',
  'limits',
  'service_limits',
  'log_level',
  'description',
  'config',
]);

/** @throws INVALID_ARGUMENT for a key that only a file may hold, FORBIDDEN for what a plugin may not change of another */
export function assertMayChange(
  actor: Actor,
  entry: string,
  change: ConfigChange,
  after: readonly Leaf[],
): void {
  for (const [key, value] of Object.entries(change.set ?? {})) {
    if (!EDITABLE.has(key)) {
      throw new BulkheadError(
        ErrorCode.INVALID_ARGUMENT,
        `'${key}' can only be written into bulkhead.yaml; here may be set: ${[...EDITABLE].join(', ')}`,
        { field: key },
      );
    }
    if (key === 'plugin' && (typeof value !== 'string' || namesDirectory(value))) {
      throw new BulkheadError(
        ErrorCode.INVALID_ARGUMENT,
        "'plugin' names an installed plugin here; a directory can only be written into bulkhead.yaml",
        { field: key },
      );
    }
  }
  if (actor.kind === 'plugin') assertPluginMay(entry, change, after);
}

/** A plugin may set `config`, and make an entry that waits for an operator to enable it. */
function assertPluginMay(
  entry: string,
  { set = {}, reset = [] }: ConfigChange,
  after: readonly Leaf[],
): void {
  const others = Object.keys(set).filter((key) => key !== 'config');
  const forgets = reset.some(([first]) => first !== 'config');
  const off = after.some(({ path, value }) => path.length === 1 && path[0] === 'enabled' && value === false);
  const pending = set['enabled'] === false && off && others.every((key) => PENDING.has(key));
  if ((others.length === 0 || pending) && !forgets) return;
  throw new BulkheadError(
    ErrorCode.FORBIDDEN,
    `a plugin may change the 'config' of ${entry}, or make an entry that is not enabled; an operator does the rest`,
  );
}

const PENDING: ReadonlySet<string> = new Set(['enabled', 'plugin', 'description']);
