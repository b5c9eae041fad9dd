import { rm } from 'node:fs/promises';
import { BulkheadError, ErrorCode, type Problem } from '@bulkhead/proto';
import semver from 'semver';
import { acquirePackage, assertAllowed } from './acquire.js';
import { buildEnvironment, type Dependencies, type EntryDraft } from './build-environment.js';
import type { ConsentAnswer } from './consent.js';
import { hasDependencies, lockDependencies } from './dependencies.js';
import { parseDependencyLockfile } from './dependency-lockfile.js';
import {
  environmentPath,
  folderName,
  readCurrent,
  readRecord,
  readRecords,
  treeOf,
  type EnvironmentRecord,
} from './environment.js';
import { createContext, type InstallContext, type InstallerOptions } from './install-context.js';
import { withInstallLock } from './install-lock.js';
import { sha512 } from './integrity.js';
import { commitChange, finishChange, type Change } from './journal.js';
import {
  dependencyLockfileOf,
  EMPTY_LOCK,
  formatLock,
  readIfThere,
  readLock,
  type LockEntry,
  type PluginsLock,
} from './lock-file.js';
import { differingKeys, lockMismatch } from './lock-diff.js';
import { makeBundle } from './make-bundle.js';
import { pruneEnvironments, removeUnlocked } from './prune.js';
import { pruneAll, type PruneReport } from './prune-all.js';
import { readPluginPackage, refused, type PluginPackage } from './plugin-package.js';
import type { PluginSource } from './source.js';
import { clearStaging, stagingPath } from './staging.js';
import { checkRecord } from './verify-environment.js';

/** What became of one plugin. */
export interface InstallResult {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  /**
   * `current`: nothing to do. `activated`: an environment that was there is current again. `built`: made anew.
   * `waiting`: it is built, asks for more than was granted, and the version before it serves on.
   */
  readonly status: 'current' | 'activated' | 'built' | 'waiting';
  /** The environment, absolute. */
  readonly path: string;
  /** The version that was current before, when it was another one. */
  readonly previous?: string;
  /** What it asked for. */
  readonly permissions: readonly string[];
  /** Dependencies in its graph. */
  readonly packages: number;
  /** Why it waits, or why it will not start yet. */
  readonly reason?: string;
}

export interface InstallWish {
  /** Refuse any difference from the lock. */
  readonly frozen: boolean;
  /** Ask the source again although the lock has an answer. */
  readonly fresh: boolean;
}

/** Installs, pins, repairs and removes plugins in one plugins directory. */
export interface Installer {
  /** From a source. @throws one of the codes of installing; the state is as before then */
  install(source: PluginSource, wish: InstallWish): Promise<InstallResult>;
  /** What the lock pins, exactly; repairs what does not verify. @throws NOT_LOCKED, LOCK_INVALID … */
  installLocked(id: string, wish: { readonly frozen: boolean }): Promise<InstallResult>;
  /** Makes the environments that the lock pins and that are not there. What is there is left as it is. */
  ensure(ids: readonly string[]): Promise<readonly InstallResult[]>;
  /** Back to the environment before. @throws NOT_LOCKED, NO_EARLIER_VERSION */
  rollback(id: string): Promise<InstallResult>;
  /** @throws NOT_LOCKED */
  remove(id: string): Promise<void>;
  /** Removes whatever no locked plugin uses. */
  prune(): Promise<PruneReport>;
  /** Writes one file that installs without a network. @throws NOT_LOCKED, FETCH_FAILED, and what verifying finds */
  bundle(id: string, file: string): Promise<void>;
  /** What is wrong with a plugin's current environment; empty when nothing is. @throws NOT_LOCKED */
  verify(id: string): Promise<readonly Problem[]>;
  lock(): Promise<PluginsLock>;
}

export function createInstaller(options: InstallerOptions): Installer {
  const context = createContext(options);
  const { pluginsDir } = options;
  const alone = <T>(work: () => Promise<T>): Promise<T> =>
    withInstallLock(pluginsDir, async () => {
      await clearStaging(pluginsDir);
      await finishChange(pluginsDir);
      return work();
    });
  const lock = async (): Promise<PluginsLock> => (await readLock(options.lockFile)) ?? EMPTY_LOCK;
  return {
    lock,
    install: (source, wish) => alone(async () => installFrom(context, await lock(), source, wish)),
    installLocked: (id, { frozen }) => alone(async () => installPinned(context, await lock(), id, frozen)),
    ensure: (ids) =>
      alone(async () => {
        const results: InstallResult[] = [];
        for (const id of ids) {
          const now = await lock();
          const entry = now.plugins[id];
          if (entry === undefined || (await isThere(context, now, id, entry))) continue;
          context.progress(`${id} is locked and not installed: making its environment`);
          results.push(await installPinned(context, now, id, true));
        }
        return results;
      }),
    prune: () => alone(async () => pruneAll(context, await lock())),
    bundle: (id, file) =>
      alone(async () => {
        const { record, faults } = await currentOf(context, await lock(), id);
        if (record === undefined || faults.length > 0) throw refused(id, faults);
        await makeBundle(context, record, file);
      }),
    verify: async (id) => (await currentOf(context, await lock(), id)).faults,
    rollback: (id) => alone(async () => rollback(context, await lock(), id)),
    remove: (id) =>
      alone(async () => {
        const now = await lock();
        entryOf(now, id);
        const { [id]: _gone, ...plugins } = now.plugins;
        await commit(context, { ...now, plugins }, [{ id, folder: null, lockfile: null }]);
        await removeUnlocked(pluginsDir, { ...now, plugins }, [id]);
      }),
  };
}

async function installFrom(
  context: InstallContext,
  lock: PluginsLock,
  source: PluginSource,
  wish: InstallWish,
): Promise<InstallResult> {
  const known = wish.fresh ? undefined : lockedFor(lock, source);
  if (known !== undefined) return installPinned(context, lock, known, wish.frozen);
  const acquired = await acquirePackage(context, source);
  try {
    const sdk = await context.sdk();
    const unpacked = await readPluginPackage(acquired.directory, context.versions, sdk.version);
    const { id } = unpacked.manifest;
    const before = lock.plugins[id];
    const dependencies = await dependenciesFor(
      context,
      unpacked,
      before,
      acquired.bundle?.lockfile,
      wish.frozen,
    );
    const draft = draftOf(unpacked, acquired.integrity, acquired.source, dependencies);
    if (before !== undefined && differingKeys(before, draft).length === 0) {
      // The same bytes from another place: the lock stays as it was reviewed.
      return await installPinned(context, lock, id, wish.frozen);
    }
    if (wish.frozen) throw lockMismatch(id, before, draft);
    const answer = await context.consent(unpacked.manifest);
    if (answer.kind === 'refused' && before === undefined) throw answer.error;
    return await finish(context, lock, unpacked, draft, dependencies, answer);
  } finally {
    await rm(acquired.directory, { recursive: true, force: true });
  }
}

async function installPinned(
  context: InstallContext,
  lock: PluginsLock,
  id: string,
  frozen: boolean,
): Promise<InstallResult> {
  const entry = entryOf(lock, id);
  await assertAllowed(context, entry.source);
  const text = await readPinnedLockfile(context, id, entry);
  const sdk = entry.sdk === 'host' ? await context.sdk() : undefined;
  const pinnedSdk = lock.sdk?.integrity;
  if (sdk !== undefined && pinnedSdk !== sdk.integrity && frozen) {
    throw new BulkheadError(
      ErrorCode.LOCK_MISMATCH,
      `the SDK of this host (${sdk.version}, ${sdk.integrity}) is not the one that the lock pins (${lock.sdk?.version ?? 'none'}, ${pinnedSdk ?? 'none'}). Lock it: bulkhead plugin install`,
    );
  }
  const next: PluginsLock =
    sdk === undefined ? lock : { ...lock, sdk: { version: sdk.version, integrity: sdk.integrity } };
  const there = await findRecord(context, next, id, entry);
  const before = await readCurrent(context.pluginsDir, id);
  if (there !== undefined) {
    if (before !== there.folder || next !== lock)
      await commit(context, next, [{ id, folder: there.folder, lockfile: text ?? null }]);
    return result(context, there, before === there.folder ? 'current' : 'activated', before);
  }
  if (frozen && treeOf(entry) === undefined) {
    throw new BulkheadError(
      ErrorCode.LOCK_MISMATCH,
      `the lock has no tree of ${id} for this platform. Add it here: bulkhead plugin install`,
    );
  }
  const acquired = await acquirePackage(context, entry.source, entry);
  try {
    const unpacked = await readPluginPackage(
      acquired.directory,
      context.versions,
      (await context.sdk()).version,
    );
    const registries = await registriesOf(context, text);
    const dependencies =
      text === undefined ? undefined : { text, pinned: parseDependencyLockfile(text, id, registries) };
    const draft = draftOf(unpacked, acquired.integrity, entry.source, dependencies);
    if (unpacked.manifest.id !== id || differingKeys(entry, draft).length > 0)
      throw lockMismatch(id, entry, draft);
    const built = await buildEnvironment(context, unpacked, { ...draft, tree: entry.tree }, dependencies);
    const plugins = { ...next.plugins, [id]: built.entry };
    await commit(context, { ...next, plugins }, [{ id, folder: built.folder, lockfile: text ?? null }]);
    await pruneEnvironments(context.pluginsDir, id);
    return await resultOf(context, id, built.folder, 'built', before);
  } finally {
    await rm(acquired.directory, { recursive: true, force: true });
  }
}

/** Builds, or finds again, what was decided, and makes it current unless nobody agreed. */
async function finish(
  context: InstallContext,
  lock: PluginsLock,
  unpacked: PluginPackage,
  draft: EntryDraft,
  dependencies: Dependencies | undefined,
  answer: ConsentAnswer,
): Promise<InstallResult> {
  const { id } = unpacked.manifest;
  const sdk = draft.sdk === 'host' ? await context.sdk() : undefined;
  const pin = sdk === undefined ? lock.sdk : { version: sdk.version, integrity: sdk.integrity };
  const withSdk = (plugins: PluginsLock['plugins']): PluginsLock => ({
    ...(pin === undefined ? {} : { sdk: pin }),
    plugins,
  });
  const kept = await findDraft(context, withSdk(lock.plugins), id, draft);
  const built = kept ?? (await buildEnvironment(context, unpacked, draft, dependencies));
  const before = await readCurrent(context.pluginsDir, id);
  if (answer.kind === 'refused') {
    const waiting = await resultOf(context, id, built.folder, 'waiting', before);
    return { ...waiting, reason: answer.error.message };
  }
  const entry: LockEntry = { ...built.entry, source: draft.source };
  await commit(context, withSdk({ ...lock.plugins, [id]: entry }), [
    { id, folder: built.folder, lockfile: dependencies?.text ?? null },
  ]);
  await answer.record();
  await pruneEnvironments(context.pluginsDir, id);
  const status = kept === undefined ? 'built' : before === built.folder ? 'current' : 'activated';
  return resultOf(context, id, built.folder, status, before);
}

async function rollback(context: InstallContext, lock: PluginsLock, id: string): Promise<InstallResult> {
  const now = entryOf(lock, id);
  const { pluginsDir } = context;
  const current = await readCurrent(pluginsDir, id);
  const records = await readRecords(pluginsDir, id);
  const at = records.findIndex(({ folder }) => folder === current);
  const fits = (record: EnvironmentRecord): boolean =>
    (record.entry.sdk === 'own' || record.sdk?.integrity === lock.sdk?.integrity) &&
    record.entry.integrity !== now.integrity;
  for (const record of records.slice(at + 1).filter(fits)) {
    if ((await checkRecord(context, record)).length > 0) continue;
    const answer = await consentTo(context, record);
    if (answer.kind === 'refused') throw answer.error;
    const plugins = { ...lock.plugins, [id]: record.entry };
    await commit(context, { ...lock, plugins }, [
      { id, folder: record.folder, lockfile: record.lockfile ?? null },
    ]);
    await answer.record();
    return result(context, record, 'activated', current);
  }
  throw new BulkheadError(
    ErrorCode.NO_EARLIER_VERSION,
    `${id} has no earlier environment that still verifies; the current one is ${now.version}.`,
  );
}

async function consentTo(context: InstallContext, { id, folder }: EnvironmentRecord): Promise<ConsentAnswer> {
  const directory = environmentPath(context.pluginsDir, id, folder);
  const { manifest } = await readPluginPackageOf(directory);
  return context.consent(manifest);
}

async function readPluginPackageOf(directory: string): Promise<Pick<PluginPackage, 'manifest'>> {
  const { loadManifest } = await import('../manifest/load-manifest.js');
  return loadManifest(directory);
}

/** The plugin that the lock has for a source, when its version is one that the source means. */
function lockedFor(lock: PluginsLock, source: PluginSource): string | undefined {
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

async function dependenciesFor(
  context: InstallContext,
  unpacked: PluginPackage,
  before: LockEntry | undefined,
  bundled: string | undefined,
  frozen: boolean,
): Promise<Dependencies | undefined> {
  const { wish, manifest } = unpacked;
  if (!hasDependencies(wish)) return undefined;
  const registries = await registriesOf(context, 'tarball:');
  const kept =
    before?.dependencies === undefined ? undefined : await readPinnedLockfile(context, manifest.id, before);
  for (const text of [bundled, kept]) {
    if (text === undefined) continue;
    const pinned = parseDependencyLockfile(text, manifest.id, registries);
    if (pinned.fits(wish)) return { text, pinned };
  }
  if (frozen) {
    throw new BulkheadError(
      ErrorCode.LOCK_MISMATCH,
      `the dependencies that ${manifest.id} asks for are not those that locks/${manifest.id} pins. Lock them: bulkhead plugin install`,
    );
  }
  context.progress(`resolving the dependencies of ${manifest.id}`);
  const folder = await stagingPath(context.pluginsDir);
  try {
    const text = await lockDependencies(folder, wish, kept, await context.packageManager());
    return { text, pinned: parseDependencyLockfile(text, manifest.id, registries) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Only a lockfile that names addresses needs npm's configuration read. */
async function registriesOf(
  context: InstallContext,
  lockfile: string | undefined,
): Promise<readonly string[]> {
  if (lockfile?.includes('tarball:') !== true) return [];
  const { options, registryOf } = await context.npm();
  const scoped = Object.entries(options).flatMap(([key, value]) =>
    key.endsWith(':registry') && typeof value === 'string' ? [value] : [],
  );
  return [registryOf(''), ...scoped];
}

/** @throws LOCK_INVALID when it is not the one that the lock pins */
async function readPinnedLockfile(
  context: InstallContext,
  id: string,
  entry: LockEntry,
): Promise<string | undefined> {
  if (entry.dependencies === undefined) return undefined;
  const file = dependencyLockfileOf(context.lockFile, id);
  const text = await readIfThere(file);
  if (text !== undefined && sha512(text) === entry.dependencies) return text;
  throw new BulkheadError(
    ErrorCode.LOCK_INVALID,
    `${file}: expected the lockfile with ${entry.dependencies}, got ${text === undefined ? 'none' : sha512(text)}. Take the one that was committed, or lock anew: bulkhead plugin update ${id}`,
  );
}

function draftOf(
  unpacked: PluginPackage,
  integrity: string,
  source: PluginSource,
  dependencies: Dependencies | undefined,
): EntryDraft {
  const { manifest, manifestHash, sdk, node, permissions } = unpacked;
  return {
    name: manifest.name,
    ...(manifest.packageName === undefined ? {} : { package: manifest.packageName }),
    source,
    version: manifest.version,
    integrity,
    manifest: manifestHash,
    ...(dependencies === undefined ? {} : { dependencies: sha512(dependencies.text) }),
    sdk,
    ...(node === undefined ? {} : { node }),
    permissions,
  };
}

/** An environment that is there, pinned by the same entry, and verifies. */
async function findRecord(
  context: InstallContext,
  lock: PluginsLock,
  id: string,
  entry: LockEntry,
): Promise<EnvironmentRecord | undefined> {
  const current = await readCurrent(context.pluginsDir, id);
  const records = (await readRecords(context.pluginsDir, id)).filter((record) => isOf(record, lock, entry));
  for (const record of records.toSorted(
    (a, b) => Number(b.folder === current) - Number(a.folder === current),
  )) {
    if ((await checkRecord(context, record)).length === 0) return record;
  }
  return undefined;
}

async function findDraft(
  context: InstallContext,
  lock: PluginsLock,
  id: string,
  draft: EntryDraft,
): Promise<{ readonly folder: string; readonly entry: LockEntry } | undefined> {
  for (const record of await readRecords(context.pluginsDir, id)) {
    const entry = { ...record.entry, source: draft.source };
    if (differingKeys(entry, draft).length > 0) continue;
    const found = await findRecord(context, lock, id, record.entry);
    if (found !== undefined) return { folder: found.folder, entry };
  }
  return undefined;
}

function isOf(record: EnvironmentRecord, lock: PluginsLock, entry: LockEntry): boolean {
  return (
    record.folder.replace(/\.\d+$/, '') === folderName(entry, lock.sdk) &&
    differingKeys(record.entry, entry).length === 0 &&
    treeOf(record.entry) === treeOf(entry)
  );
}

async function isThere(
  context: InstallContext,
  lock: PluginsLock,
  id: string,
  entry: LockEntry,
): Promise<boolean> {
  const current = await readCurrent(context.pluginsDir, id);
  const record = current === undefined ? undefined : await readRecord(context.pluginsDir, id, current);
  return record !== undefined && isOf(record, lock, entry);
}

/** The environment that runs, held against the lock. */
async function currentOf(
  context: InstallContext,
  lock: PluginsLock,
  id: string,
): Promise<{ readonly record?: EnvironmentRecord; readonly faults: readonly Problem[] }> {
  const entry = entryOf(lock, id);
  await readPinnedLockfile(context, id, entry);
  const folder = await readCurrent(context.pluginsDir, id);
  const record = folder === undefined ? undefined : await readRecord(context.pluginsDir, id, folder);
  if (record === undefined || !isOf(record, lock, entry)) {
    const message = `${id} ${entry.version} is locked and not installed. Run: bulkhead plugin install`;
    return { faults: [{ code: ErrorCode.LOCK_MISMATCH, message }] };
  }
  return { record, faults: await checkRecord(context, record) };
}

function entryOf(lock: PluginsLock, id: string): LockEntry {
  const entry = lock.plugins[id];
  if (entry !== undefined) return entry;
  const known = Object.keys(lock.plugins).join(', ') || 'none';
  throw new BulkheadError(ErrorCode.NOT_LOCKED, `No plugin '${id}' is in the lock; there are: ${known}.`);
}

async function commit(context: InstallContext, lock: PluginsLock, plugins: Change['plugins']): Promise<void> {
  await commitChange(context.pluginsDir, { lockFile: context.lockFile, lock: formatLock(lock), plugins });
}

async function resultOf(
  context: InstallContext,
  id: string,
  folder: string,
  status: InstallResult['status'],
  before: string | undefined,
): Promise<InstallResult> {
  const record = await readRecord(context.pluginsDir, id, folder);
  if (record === undefined)
    throw new BulkheadError(
      ErrorCode.FILE_MISSING,
      `${id}: the environment ${folder} went away while it was installed.`,
    );
  return result(context, record, status, before);
}

async function result(
  context: InstallContext,
  record: EnvironmentRecord,
  status: InstallResult['status'],
  before: string | undefined,
): Promise<InstallResult> {
  const { id, entry, folder } = record;
  const old =
    before === undefined || before === folder
      ? undefined
      : (await readRecord(context.pluginsDir, id, before))?.entry.version;
  const graph =
    record.lockfile === undefined
      ? []
      : parseDependencyLockfile(record.lockfile, id, await registriesOf(context, record.lockfile)).packages;
  return {
    id,
    name: entry.name,
    version: entry.version,
    status,
    path: environmentPath(context.pluginsDir, id, folder),
    permissions: entry.permissions,
    packages: graph.length,
    ...(old === undefined ? {} : { previous: old }),
  };
}
