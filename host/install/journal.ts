import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { makeCurrent } from './environment.js';
import { dependencyLockfileOf } from './lock-file.js';
import { removeWhole, stagingPath } from './staging.js';

/**
 * A change of several files that happens as a whole: written down first by one rename, then done, step by step, each
 * step harmless when it is done twice. Whoever finds one does it to its end.
 */
export interface Change {
  readonly lockFile: string;
  /** The new text of plugins.lock.json. */
  readonly lock: string;
  readonly plugins: readonly {
    readonly id: string;
    /** The environment that becomes current; null: the plugin goes. */
    readonly folder: string | null;
    /** The text of its dependency lockfile; null: it has none. */
    readonly lockfile: string | null;
  }[];
}

const JOURNAL = '.journal.json';

/** Does a change so that a kill at any moment leaves all of it or nothing, once {@link finishChange} has run. */
export async function commitChange(pluginsDir: string, change: Change): Promise<void> {
  const near = await stagingPath(pluginsDir);
  await writeFile(near, JSON.stringify(change), { mode: 0o600, flush: true });
  await rename(near, join(pluginsDir, JOURNAL));
  await apply(pluginsDir, change);
}

/** Does a change to its end that a killed installer had begun. @returns whether there was one */
export async function finishChange(pluginsDir: string): Promise<boolean> {
  const file = join(pluginsDir, JOURNAL);
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return false;
  await apply(pluginsDir, parseChange(text, file));
  return true;
}

async function apply(pluginsDir: string, change: Change): Promise<void> {
  for (const { id, lockfile } of change.plugins) {
    const file = dependencyLockfileOf(change.lockFile, id);
    if (lockfile === null) await rm(dirname(file), { recursive: true, force: true });
    else await replaceFile(file, lockfile);
  }
  await replaceFile(change.lockFile, change.lock);
  for (const { id, folder } of change.plugins) {
    if (folder === null) await removeWhole(pluginsDir, join(pluginsDir, id));
    else await makeCurrent(pluginsDir, id, folder);
  }
  await rm(join(pluginsDir, JOURNAL), { force: true });
}

/** By one rename: readers see the old text or the new one. */
async function replaceFile(file: string, text: string): Promise<void> {
  if ((await readFile(file, 'utf8').catch(() => undefined)) === text) return;
  await mkdir(dirname(file), { recursive: true });
  // One name, so that what a killed run left is overwritten by the one that finishes its work.
  const near = `${file}.tmp`;
  try {
    await writeFile(near, text, { flush: true });
    await rename(near, file);
  } catch (error) {
    await rm(near, { force: true });
    throw error;
  }
}

function parseChange(text: string, file: string): Change {
  const value: unknown = JSON.parse(text);
  if (isChange(value)) return value;
  throw new BulkheadError(
    ErrorCode.LOCK_INVALID,
    `${file}: expected the notes of an installer, got something else. Remove it and run: bulkhead plugin install`,
  );
}

function isChange(value: unknown): value is Change {
  if (typeof value !== 'object' || value === null) return false;
  return (
    'lockFile' in value &&
    typeof value.lockFile === 'string' &&
    'lock' in value &&
    typeof value.lock === 'string' &&
    'plugins' in value &&
    Array.isArray(value.plugins)
  );
}
