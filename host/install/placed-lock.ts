import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { compileSchema } from '@bulkhead/proto/rules/schema';
import { parseAs } from './lock-file.js';
import { LOCK_FORMAT, PLUGIN_LOCK_SCHEMA } from './lock-schema.js';
import { hashListing } from './tree.js';

/** In a plugin directory that was placed by hand. */
export const PLUGIN_LOCK_FILE = 'plugin.lock.json';

/** What such a directory is held against. */
export interface PlacedLock {
  /** Where it came from, for people. */
  readonly source?: string;
  readonly version: string;
  /** Over the list of its files. */
  readonly integrity: string;
  /** The list, sorted; without it a change is found and the file is not named. */
  readonly files?: readonly string[];
}

let validator: ReturnType<typeof compileSchema<PlacedLock>> | undefined;

/** @throws LOCK_INVALID, also when its list is not the one that its hash is over */
export function parsePlacedLock(content: string, file: string): PlacedLock {
  validator ??= compileSchema<PlacedLock>(PLUGIN_LOCK_SCHEMA, { trusted: true });
  const lock = parseAs(validator, content, file);
  if (lock.files === undefined || hashListing(lock.files) === lock.integrity) return lock;
  throw new BulkheadError(
    ErrorCode.LOCK_INVALID,
    `${file}: expected 'files' to be the list with the hash ${lock.integrity}, got ${hashListing(lock.files)}. Take the version that was committed.`,
  );
}

export function formatPlacedLock({ source, version, integrity, files }: PlacedLock): string {
  return `${JSON.stringify({ format: LOCK_FORMAT, source, version, integrity, files }, null, 2)}\n`;
}
