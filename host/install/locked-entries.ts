import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import semver from 'semver';
import { isNamed } from '../catalog/catalog.js';
import type { InstallContext } from './install-context.js';
import { commitChange, type Change } from './journal.js';
import { formatLock, type LockEntry, type PluginsLock } from './lock-file.js';
import type { PluginSource } from './source.js';

/**
 * The id of a locked plugin by what a person calls it: its id, its name or its package, as in bulkhead.yaml.
 *
 * @throws NOT_LOCKED, PLUGIN_AMBIGUOUS
 */
export function lockedId(lock: PluginsLock, called: string): string {
  if (Object.hasOwn(lock.plugins, called)) return called;
  const ids = Object.entries(lock.plugins)
    .filter(([id, { name, package: pack }]) =>
      isNamed(called, [id, name, ...(pack === undefined ? [] : [pack])]),
    )
    .map(([id]) => id);
  const [id, ...more] = ids;
  if (id === undefined) throw notLocked(lock, called);
  if (more.length === 0) return id;
  throw new BulkheadError(
    ErrorCode.PLUGIN_AMBIGUOUS,
    `'${called}' fits more than one plugin of the lock: ${ids.join(', ')}. Write the id.`,
  );
}

/** @throws NOT_LOCKED */
export function entryOf(lock: PluginsLock, id: string): LockEntry {
  const entry = lock.plugins[id];
  if (entry !== undefined) return entry;
  throw notLocked(lock, id);
}

function notLocked(lock: PluginsLock, called: string): BulkheadError {
  const known = Object.keys(lock.plugins).join(', ') || 'none';
  return new BulkheadError(
    ErrorCode.NOT_LOCKED,
    `No plugin '${called}' is in the lock; there are: ${known}.`,
  );
}

/** The plugin that the lock has for a source, when its version is one that the source means. */
export function lockedFor(lock: PluginsLock, source: PluginSource): string | undefined {
  if (source.kind !== 'registry') return undefined;
  const found = Object.entries(lock.plugins).find(
    ([, { source: locked, version }]) =>
      locked.kind === 'registry' &&
      locked.name === source.name &&
      (source.range === 'latest' ||
        locked.range === source.range ||
        semver.validRange(source.range) !== null) &&
      (semver.validRange(source.range) === null || semver.satisfies(version, source.range)),
  );
  return found?.[0];
}

/** The plugin that the lock pins to exactly these bytes. */
export function lockedBytes(lock: PluginsLock, integrity: string): string | undefined {
  return Object.entries(lock.plugins).find(([, entry]) => entry.integrity === integrity)?.[0];
}

/** Writes a lock and makes environments current, both or neither. */
export async function commit(
  context: InstallContext,
  lock: PluginsLock,
  plugins: Change['plugins'],
): Promise<void> {
  await commitChange(context.pluginsDir, { lockFile: context.lockFile, lock: formatLock(lock), plugins });
}
