import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';

const SQLITE_BUSY = 5;
const RETRY_MS = 50;
/** How long one installer waits for another. */
export const BUSY_TIMEOUT_MS = 120_000;

/**
 * Does something while no other installer works on the directory. The lock is SQLite's on an empty file: the
 * kernel's own, so it ends with the process however that ends.
 *
 * @throws INSTALL_BUSY when another one does not end in time
 */
export async function withInstallLock<T>(
  pluginsDir: string,
  work: () => Promise<T>,
  timeoutMs = BUSY_TIMEOUT_MS,
): Promise<T> {
  await mkdir(pluginsDir, { recursive: true, mode: 0o755 });
  const database = await acquire(join(pluginsDir, '.install.lock'), timeoutMs);
  try {
    return await work();
  } finally {
    database.close();
  }
}

async function acquire(file: string, timeoutMs: number): Promise<DatabaseSync> {
  for (let waitedMs = 0; ; waitedMs += RETRY_MS) {
    const database = new DatabaseSync(file, { timeout: 0 });
    try {
      database.exec('PRAGMA journal_mode=MEMORY; BEGIN EXCLUSIVE');
      return database;
    } catch (error) {
      database.close();
      if (!(error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY)) throw error;
      if (waitedMs >= timeoutMs) {
        throw new BulkheadError(
          ErrorCode.INSTALL_BUSY,
          `Another installer works on these plugins (${file}) and did not end within ${timeoutMs / 1_000} s.`,
          { retryable: true },
        );
      }
    }
    await delay(RETRY_MS);
  }
}
