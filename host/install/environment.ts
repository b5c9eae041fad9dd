import { createHash } from 'node:crypto';
import {
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import {
  formatLock,
  parseLock,
  readIfThere,
  type LockEntry,
  type PluginsLock,
  type SdkPin,
} from './lock-file.js';
import { platformName } from './platform.js';
import { removeWhole, stagingPath } from './staging.js';

/** The link to the environment that runs. */
export const CURRENT = 'current';
/** What is known of each environment, beside it, so that an environment holds the plugin and nothing else. */
const RECORDS = '.records';
const KEY_DIGITS = 16;

/** What was installed where. */
export interface EnvironmentRecord {
  /** The folder's name: `<version>-<key>`, and `.<n>` for one that was built anew. */
  readonly folder: string;
  readonly id: string;
  readonly entry: LockEntry;
  /** The host's SDK that it got. */
  readonly sdk?: SdkPin;
  /** Text of the dependency lockfile. */
  readonly lockfile?: string;
  /** When it was made, in milliseconds since 1970. */
  readonly madeMs: number;
}

/** Everything that an environment is made of, as one short name. Equal keys, equal environments. */
export function environmentKey(
  entry: Pick<LockEntry, 'integrity' | 'dependencies' | 'sdk'>,
  sdk: SdkPin | undefined,
): string {
  const parts = [
    entry.integrity,
    entry.dependencies ?? 'none',
    entry.sdk === 'host' ? (sdk?.integrity ?? 'none') : 'own',
    process.versions.modules,
    platformName(),
  ];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, KEY_DIGITS);
}

export function folderName(entry: LockEntry, sdk: SdkPin | undefined): string {
  return `${entry.version.replaceAll('+', '_')}-${environmentKey(entry, sdk)}`;
}

/** The hash of an entry's installed tree on this platform. */
export function treeOf(entry: LockEntry): string | undefined {
  return entry.tree[platformName()] ?? entry.tree['any'];
}

export function environmentPath(pluginsDir: string, id: string, folder: string): string {
  return join(pluginsDir, id, folder);
}

export function listingPath(pluginsDir: string, id: string, folder: string): string {
  return join(pluginsDir, id, RECORDS, folder, 'files');
}

/** Every whole environment of a plugin, newest first. */
export async function readRecords(pluginsDir: string, id: string): Promise<readonly EnvironmentRecord[]> {
  const folders = await readdir(join(pluginsDir, id, RECORDS)).catch(() => []);
  const records = await Promise.all(folders.map((folder) => readRecord(pluginsDir, id, folder)));
  return records.filter((record) => record !== undefined).sort((a, b) => b.madeMs - a.madeMs);
}

/** undefined when it is not there, not whole, or not of this plugin. */
export async function readRecord(
  pluginsDir: string,
  id: string,
  folder: string,
): Promise<EnvironmentRecord | undefined> {
  const home = join(pluginsDir, id, RECORDS, folder);
  const file = join(home, 'lock.json');
  const text = await readFile(file, 'utf8').catch(() => undefined);
  const there = await stat(environmentPath(pluginsDir, id, folder)).catch(() => undefined);
  if (text === undefined || there?.isDirectory() !== true) return undefined;
  let lock: PluginsLock;
  try {
    lock = parseLock(text, file);
  } catch {
    // One of another version of the host, or spoilt: as good as none, it is made anew.
    return undefined;
  }
  const entry = lock.plugins[id];
  if (entry === undefined) return undefined;
  const lockfile = await readIfThere(join(home, 'pnpm-lock.yaml'));
  return {
    folder,
    id,
    entry,
    madeMs: (await stat(file)).mtimeMs,
    ...(lock.sdk === undefined ? {} : { sdk: lock.sdk }),
    ...(lockfile === undefined ? {} : { lockfile }),
  };
}

/** The folder that `current` names; undefined when there is none. */
export async function readCurrent(pluginsDir: string, id: string): Promise<string | undefined> {
  return readlink(join(pluginsDir, id, CURRENT)).catch(() => undefined);
}

/** By one rename over the old link: there is always a current environment, once there was one. */
export async function makeCurrent(pluginsDir: string, id: string, folder: string): Promise<void> {
  if ((await readCurrent(pluginsDir, id)) === folder) return;
  const link = await stagingPath(pluginsDir);
  await symlink(folder, link, 'dir');
  await rename(link, join(pluginsDir, id, CURRENT));
}

/** What is kept about an environment before it is moved into its place. */
export interface NewRecord {
  readonly id: string;
  readonly entry: LockEntry;
  readonly sdk?: SdkPin;
  readonly lockfile?: string;
  readonly listing: readonly string[];
}

/**
 * Moves a staged environment into its place: first what is known of it, then itself, so that one without a record is
 * never there.
 *
 * @returns the folder's name
 */
export async function placeEnvironment(
  pluginsDir: string,
  staged: string,
  record: NewRecord,
): Promise<string> {
  const { id, entry, sdk, lockfile, listing } = record;
  const home = join(pluginsDir, id);
  await mkdir(join(home, RECORDS), { recursive: true, mode: 0o755 });
  const folder = await freeFolder(home, folderName(entry, sdk));
  const kept = await stagingPath(pluginsDir);
  await mkdir(kept, { mode: 0o755 });
  await writeFile(
    join(kept, 'lock.json'),
    formatLock({ ...(sdk === undefined ? {} : { sdk }), plugins: { [id]: entry } }),
  );
  if (lockfile !== undefined) await writeFile(join(kept, 'pnpm-lock.yaml'), lockfile);
  await writeFile(join(kept, 'files'), listing.map((line) => `${line}\n`).join(''));
  await removeWhole(pluginsDir, join(home, RECORDS, folder));
  await rename(kept, join(home, RECORDS, folder));
  await rename(staged, join(home, folder));
  return folder;
}

/** An environment that is there is never replaced in place: one that does not verify any more gets a neighbour. */
async function freeFolder(home: string, name: string): Promise<string> {
  for (let turn = 1; ; turn += 1) {
    const folder = turn === 1 ? name : `${name}.${turn}`;
    if ((await lstat(join(home, folder)).catch(() => undefined)) === undefined) return folder;
  }
}

export async function removeEnvironment(pluginsDir: string, id: string, folder: string): Promise<void> {
  await removeWhole(pluginsDir, environmentPath(pluginsDir, id, folder));
  await removeWhole(pluginsDir, join(pluginsDir, id, RECORDS, folder));
}

/** Folders of a plugin that are environments or were meant to be; records without one are named too. */
export async function listFolders(pluginsDir: string, id: string): Promise<readonly string[]> {
  const [there, records] = await Promise.all([
    readdir(join(pluginsDir, id)).catch(() => []),
    readdir(join(pluginsDir, id, RECORDS)).catch(() => []),
  ]);
  return [...new Set([...there.filter((name) => name !== CURRENT && !name.startsWith('.')), ...records])];
}
