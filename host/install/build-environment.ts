import { chmod, mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import semver from 'semver';
import { findPluginNode } from '../manifest/plugin-node.js';
import { serveFromCache } from './cached-registry.js';
import { assertNoScripts, installDependencies, moveModules } from './dependencies.js';
import type { DependencyLockfile } from './dependency-lockfile.js';
import { placeEnvironment } from './environment.js';
import { provideSdk, SDK_PACKAGE } from './host-sdk.js';
import type { InstallContext } from './install-context.js';
import type { LockEntry } from './lock-file.js';
import { createPackageManager, type PackageManager } from './package-manager.js';
import { platformName } from './platform.js';
import type { PluginPackage } from './plugin-package.js';
import { stagingPath } from './staging.js';
import { hashListing, listTree, splitListing, staysInside, walkTree } from './tree.js';

/** An entry of the lock before its tree is known. */
export type EntryDraft = Omit<LockEntry, 'tree'> & { readonly tree?: LockEntry['tree'] };

export interface Dependencies {
  /** As the lock keeps it. */
  readonly text: string;
  readonly pinned: DependencyLockfile;
}

export interface Built {
  readonly folder: string;
  readonly entry: LockEntry;
}

/**
 * Makes an environment of an unpacked package and moves it into its place. Nothing of the plugin is run.
 *
 * @param draft with `tree`, the result has to be exactly that tree
 * @throws DEPENDENCIES_FAILED, SCRIPT_REFUSED, INTEGRITY_MISMATCH, FILE_LINK_REFUSED, INCOMPATIBLE; the staged files are gone then
 */
export async function buildEnvironment(
  context: InstallContext,
  unpacked: PluginPackage,
  draft: EntryDraft,
  dependencies: Dependencies | undefined,
): Promise<Built> {
  const { pluginsDir } = context;
  const { directory, manifest } = unpacked;
  const sdk = draft.sdk === 'host' ? await context.sdk() : undefined;
  const kind =
    dependencies?.pinned.packages.some(({ platformBound }) => platformBound) === true
      ? platformName()
      : 'any';
  const expected = draft.tree?.[kind];
  const wanted = await stagingPath(pluginsDir);
  try {
    for (const attempt of ['shared store', 'fresh store'] as const) {
      if (dependencies !== undefined) await addModules(context, unpacked, dependencies, attempt, wanted);
      if (sdk !== undefined) await provideSdk(sdk, directory, context.cacheDir);
      await assertSelfContained(directory, manifest.id);
      const listing = listTree(directory);
      const tree = hashListing(sdk === undefined ? listing : splitListing(listing).own);
      // A store's file that was changed behind everybody's back shows here: then nothing of the store is used.
      if (
        expected !== undefined &&
        expected !== tree &&
        attempt === 'shared store' &&
        dependencies !== undefined
      ) {
        await rm(join(directory, 'node_modules'), { recursive: true, force: true });
        continue;
      }
      if (expected !== undefined && expected !== tree) {
        throw new BulkheadError(
          ErrorCode.LOCK_MISMATCH,
          `${manifest.id}: expected the installed tree ${expected}, got ${tree}: the lock is of other files. Take the lock that was committed, or lock anew: bulkhead plugin update ${manifest.id}`,
        );
      }
      await assertNode(directory, unpacked, context.versions.node);
      const entry: LockEntry = { ...draft, tree: { ...(kind === 'any' ? {} : draft.tree), [kind]: tree } };
      const folder = await placeEnvironment(pluginsDir, directory, {
        id: manifest.id,
        entry,
        listing,
        ...(sdk === undefined ? {} : { sdk: { version: sdk.version, integrity: sdk.integrity } }),
        ...(dependencies === undefined ? {} : { lockfile: dependencies.text }),
      });
      return { folder, entry };
    }
    throw new BulkheadError(ErrorCode.INTERNAL, 'an environment was neither built nor refused');
  } finally {
    await Promise.all([directory, wanted].map((path) => rm(path, { recursive: true, force: true })));
  }
}

async function addModules(
  context: InstallContext,
  unpacked: PluginPackage,
  { text, pinned }: Dependencies,
  attempt: 'shared store' | 'fresh store',
  folder: string,
): Promise<void> {
  context.progress(`installing ${countOf(pinned.packages.length)} of ${unpacked.manifest.id}`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o755 });
  const served = await serveFromCache(pinned, context.cache);
  try {
    const storeDir = attempt === 'shared store' ? join(context.cacheDir, 'store') : join(folder, 'store');
    const manager =
      served === undefined
        ? await context.packageManager(storeDir)
        : fromCache(context, storeDir, served.url);
    const project = join(folder, 'project');
    await installDependencies(project, unpacked.wish, text, manager);
    await assertNoScripts(join(project, 'node_modules'), context.unrunScripts, unpacked.manifest.id);
    await moveModules(project, unpacked.directory);
  } finally {
    await served?.close();
  }
  if (
    unpacked.sdk === 'own' &&
    (await stat(join(unpacked.directory, 'node_modules', SDK_PACKAGE)).catch(() => undefined)) === undefined
  ) {
    throw new BulkheadError(
      ErrorCode.DEPENDENCIES_FAILED,
      `${unpacked.manifest.id}: expected ${SDK_PACKAGE} among its dependencies, found none.`,
    );
  }
}

/** Neither the user's registries nor their credentials are of use to it. */
function fromCache(context: InstallContext, storeDir: string, registry: string): PackageManager {
  return createPackageManager({
    storeDir,
    cacheDir: join(context.cacheDir, 'registry'),
    registry,
    env: { PATH: context.env['PATH'], HOME: context.cacheDir },
    ...(context.signal === undefined ? {} : { signal: context.signal }),
  });
}

/** Nothing in an environment points out of it, and nobody else may write into it. */
async function assertSelfContained(directory: string, id: string): Promise<void> {
  await chmod(directory, 0o755);
  for (const node of walkTree(directory)) {
    if (node.kind === 'link' ? staysInside(node) : node.kind !== 'other') {
      const safe = node.stats.mode & 0o755;
      if (node.kind !== 'link' && safe !== (node.stats.mode & 0o7777))
        await chmod(join(directory, node.path), safe);
      continue;
    }
    throw new BulkheadError(
      ErrorCode.FILE_LINK_REFUSED,
      `${id}: ${node.path} is a link that leads out of the package, or no file at all.`,
    );
  }
}

/** A plugin that brings its own Node brings one that fits. */
async function assertNode(directory: string, { manifest }: PluginPackage, hostNode: string): Promise<void> {
  const range = manifest.compat.node;
  const version = (await findPluginNode(directory))?.version ?? hostNode;
  if (range === undefined || semver.satisfies(version, range, { includePrerelease: true })) return;
  throw new BulkheadError(
    ErrorCode.INCOMPATIBLE,
    `${manifest.id} needs Node ${range}, and it would run on ${version}.`,
  );
}

function countOf(dependencies: number): string {
  return dependencies === 1 ? '1 dependency' : `${dependencies} dependencies`;
}
