import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ErrorCode, isBulkheadError, type Problem } from '@bulkhead/proto';
import { checkPluginDirectory } from '../manifest/check-directory.js';
import type { Manifest } from '../manifest/manifest.js';
import { checkEntry } from './entry-check.js';
import { sha512 } from './integrity.js';
import { readIfThere } from './lock-file.js';
import { formatPlacedLock, parsePlacedLock, PLUGIN_LOCK_FILE, type PlacedLock } from './placed-lock.js';
import { refused } from './plugin-package.js';
import { assertSourceAllowed, type SourcePolicy } from './source-policy.js';
import { checkTree, type TreeCheck } from './tree-check.js';
import { hashListing, listTree } from './tree.js';

const WITHOUT = [PLUGIN_LOCK_FILE];

/** What a directory that was placed by hand is held against. */
export interface PlacedRules {
  readonly environment: string;
  readonly policy?: SourcePolicy;
  readonly cacheDir: string;
}

/**
 * Holds a directory that was placed by hand against its plugin.lock.json as an installed one is held against the lock of
 * the host: where it is, its version, every file. In production it has to carry one.
 *
 * @param checkTreeOf checks a tree; off the main loop where that matters
 * @throws LOCK_INVALID
 */
export async function placedFaults(
  directory: string,
  manifest: Pick<Manifest, 'id' | 'version'>,
  { environment, policy, cacheDir }: PlacedRules,
  checkTreeOf: (check: TreeCheck) => Promise<readonly Problem[]>,
): Promise<readonly Problem[]> {
  const file = join(directory, PLUGIN_LOCK_FILE);
  const text = await readIfThere(file);
  if (text === undefined) {
    if (environment !== 'production') return [];
    const message = `${manifest.id} was placed by hand and nothing pins its files; in production that is refused. Review it, then: bulkhead plugin lock ${directory} - or: bulkhead plugin install ${directory}`;
    return [{ code: ErrorCode.NOT_LOCKED, message, file: directory }];
  }
  const lock = parsePlacedLock(text, file);
  const elsewhere = await placeFault(directory, policy, environment);
  if (elsewhere !== undefined) return [elsewhere];
  if (lock.version !== manifest.version) {
    const message = `${PLUGIN_LOCK_FILE} pins version ${lock.version}, and the manifest says ${manifest.version}. Review it, then: bulkhead plugin lock ${directory}`;
    return [{ code: ErrorCode.MANIFEST_MISMATCH, message, file }];
  }
  const near = sha512(directory).slice(7, 23).replaceAll(/[+/]/g, '_');
  const cacheFile = join(cacheDir, 'verified', manifest.id, `${near}.json`);
  return checkTreeOf({ ...treeCheckOf(directory, lock), cacheFile });
}

function treeCheckOf(directory: string, { integrity, files }: PlacedLock): TreeCheck {
  const uid = process.getuid?.();
  return {
    root: directory,
    tree: integrity,
    without: WITHOUT,
    remedy: `Restore it; or review it, then: bulkhead plugin lock ${directory}`,
    ...(files === undefined ? {} : { listing: files }),
    ...(uid === undefined ? {} : { uid }),
  };
}

/** The operator's list says of folders where plugins may be, whoever put them there. */
async function placeFault(
  directory: string,
  policy: SourcePolicy | undefined,
  environment: string,
): Promise<Problem | undefined> {
  const source = { kind: 'folder', path: directory } as const;
  try {
    await assertSourceAllowed({ source, base: directory }, policy, environment);
    return undefined;
  } catch (error) {
    if (!isBulkheadError(error)) throw error;
    return { code: error.code, message: error.message, file: directory };
  }
}

/** What `plugin lock` did. */
export interface PlacedResult {
  readonly id: string;
  readonly version: string;
  /** `current`: the lock that is there says the same. */
  readonly status: 'current' | 'locked';
  /** The lock, absolute. */
  readonly file: string;
  readonly integrity: string;
  /** How many files it pins. */
  readonly files: number;
}

/**
 * Writes the plugin.lock.json of a directory that was placed by hand, when it would verify.
 *
 * @param source where it came from, for people; default: the package and its version
 * @throws the code of the first fault of its manifest, entry, assets, owner, modes or links, with every fault
 */
export async function lockPlacedPlugin(directory: string, source?: string): Promise<PlacedResult> {
  const { loaded, problems } = await checkPluginDirectory(directory);
  if (loaded === undefined) throw refused(directory, problems);
  const { manifest } = loaded;
  const faults = [
    ...(await checkEntry(directory, manifest)),
    ...problems.filter(({ path }) => path !== 'entry'),
  ];
  if (faults.length > 0) throw refused(manifest.id, faults);
  const files = listTree(directory, new Set(WITHOUT));
  const lock: PlacedLock = {
    source: source ?? `${manifest.packageName ?? manifest.id}@${manifest.version}`,
    version: manifest.version,
    integrity: hashListing(files),
    files,
  };
  const bad = checkTree(treeCheckOf(directory, lock));
  if (bad.length > 0) throw refused(manifest.id, bad);
  const file = join(directory, PLUGIN_LOCK_FILE);
  const text = formatPlacedLock(lock);
  const about = {
    id: manifest.id,
    version: lock.version,
    file,
    integrity: lock.integrity,
    files: files.length,
  };
  if ((await readIfThere(file)) === text) return { ...about, status: 'current' };
  const staged = `${file}.${process.pid}`;
  try {
    await writeFile(staged, text, { flag: 'wx', mode: 0o644 });
    await rename(staged, file);
  } finally {
    await rm(staged, { force: true });
  }
  return { ...about, status: 'locked' };
}
