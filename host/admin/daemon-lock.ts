import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';

/** One daemon a data directory, while it is held. */
export interface DaemonLock {
  release(): void;
}

const SQLITE_BUSY = 5;
const OWNER_ONLY = 0o600;

/**
 * Claims a data directory for this process. It is SQLite's lock on an empty file: the kernel's own, so it ends
 * with the process however that ends, and nothing stale is ever left to be judged.
 *
 * @throws ALREADY_RUNNING when another daemon holds it
 */
export function acquireDaemonLock(dataDir: string): DaemonLock {
  const file = join(dataDir, 'daemon.lock');
  // Made by us, so that nobody else can open it and hold it.
  closeSync(openSync(file, 'a', OWNER_ONLY));
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    database.exec('PRAGMA journal_mode=MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (!isBusy(error)) throw error;
    throw new BulkheadError(
      ErrorCode.ALREADY_RUNNING,
      `Another daemon uses the data directory ${dataDir}. ` +
        'Stop it, or give this one a directory of its own with --data-dir.',
      { cause: error },
    );
  }
  return {
    release() {
      if (database.isOpen) database.close();
    },
  };
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY;
}
