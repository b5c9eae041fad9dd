import { isDeepStrictEqual } from 'node:util';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { LockEntry } from './lock-file.js';

type Compared = Omit<LockEntry, 'tree' | 'source'>;

const KEYS = [
  'name',
  'package',
  'version',
  'integrity',
  'manifest',
  'dependencies',
  'sdk',
  'node',
  'permissions',
] as const;

/** The keys in which what is pinned and what is there differ. Where it came from is not what it is. */
export function differingKeys(pinned: Compared, there: Compared): readonly string[] {
  return KEYS.filter((key) => !isDeepStrictEqual(pinned[key], there[key]));
}

/** Says what differs from the lock: each key with what was expected and what came. */
export function lockMismatch(id: string, pinned: Compared | undefined, there: Compared): BulkheadError {
  if (pinned === undefined) {
    return new BulkheadError(
      ErrorCode.LOCK_MISMATCH,
      `${id} ${there.version} is not in the lock, and nothing is added with --frozen. Lock it: bulkhead plugin install`,
    );
  }
  const keys = differingKeys(pinned, there);
  const lines = KEYS.filter((key) => keys.includes(key)).map(
    (key) => `  ${key}: expected ${shown(pinned[key])}, got ${shown(there[key])}`,
  );
  const manifestOnly = keys.length > 0 && keys.every((key) => key !== 'integrity' && key !== 'dependencies');
  return new BulkheadError(
    manifestOnly ? ErrorCode.MANIFEST_MISMATCH : ErrorCode.LOCK_MISMATCH,
    `${id} is not what the lock pins:\n${lines.join('\n')}\nTake the lock that was committed, or lock what is there: bulkhead plugin install <source>`,
  );
}

function shown(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}
