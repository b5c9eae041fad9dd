import { randomUUID } from 'node:crypto';
import { lstat, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Clock } from '../clock.js';
import type { GrantLookup } from '../config/effective-grant.js';
import { formatGrantFile, parseGrantFile } from './grant-file.js';
import type { Grant, GrantDecision } from './grant.js';

/** What operators decided, per plugin. */
export interface GrantStore extends GrantLookup {
  /** The decision in force; undefined when nobody decided. @throws GRANT_INVALID */
  get(id: string): Promise<Grant | undefined>;
  /** Stores a decision with the time; it is in force when this resolves. */
  put(id: string, decision: GrantDecision): Promise<Grant>;
  /** Every decision that is kept, oldest first. @throws GRANT_INVALID */
  history(id: string): Promise<readonly Grant[]>;
}

/** Decisions of one plugin that are kept. */
const MAX_DECISIONS = 100;
const OTHERS_MAY_WRITE = 0o022;
/** As in the manifest's schema: no separator, so that no id leads out of the folder. */
const ID = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9])?$/;

/** Keeps decisions in `<dataDir>/grants/<id>.json`, each file readable and writable by its owner only. */
export function createGrantStore(dataDir: string, clock: Clock): GrantStore {
  const folder = join(dataDir, 'grants');
  const fileOf = (id: string): string => {
    if (ID.test(id)) return join(folder, `${id}.json`);
    throw new BulkheadError(ErrorCode.GRANT_INVALID, `expected the id of a plugin, got '${id}'`);
  };
  const history = async (id: string): Promise<readonly Grant[]> => {
    const file = fileOf(id);
    const text = await readOwn(file);
    return text === undefined ? [] : parseGrantFile(text, id, file);
  };
  return {
    history,
    get: async (id) => (await history(id)).at(-1),
    async put(id, decision) {
      const grant = { ...decision, at: new Date(clock.now()).toISOString() };
      // A file that cannot be read holds no decision worth keeping; a new one takes its place.
      const before = await history(id).catch(() => []);
      await writeWhole(folder, fileOf(id), formatGrantFile(id, [...before, grant].slice(-MAX_DECISIONS)));
      return grant;
    },
  };
}

/** A file that somebody else may have written decides nothing. */
async function readOwn(file: string): Promise<string | undefined> {
  const info = await lstat(file).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (info === undefined) return undefined;
  const uid = process.getuid?.();
  if (
    !info.isFile() ||
    (info.mode & OTHERS_MAY_WRITE) !== 0 ||
    (uid !== undefined && ![uid, 0].includes(info.uid))
  ) {
    throw new BulkheadError(
      ErrorCode.GRANT_INVALID,
      `${file}: expected a file of this user that nobody else may write. Look who changed it, then: chmod 600 '${file}'`,
    );
  }
  return readFile(file, 'utf8');
}

/** A kill at any moment leaves the old text or the new one. */
async function writeWhole(folder: string, file: string, text: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const staged = join(folder, `.${randomUUID()}.tmp`);
  try {
    const handle = await open(staged, 'wx', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(staged, file);
  } catch (error) {
    await rm(staged, { force: true });
    throw error;
  }
  const directory = await open(folder, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
