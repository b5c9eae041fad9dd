import { readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { BulkheadError, ErrorCode, type Problem } from '@bulkhead/proto';
import { permissionNames } from '@bulkhead/proto/rules/schema';
import semver from 'semver';
import { checkPluginDirectory } from '../manifest/check-directory.js';
import { checkCompat, type HostVersions } from '../manifest/compat.js';
import { formatProblem } from '../manifest/format-problem.js';
import type { Manifest } from '../manifest/manifest.js';
import { checkEntry } from './entry-check.js';
import { SDK_PACKAGE } from './host-sdk.js';
import { sha512 } from './integrity.js';
import { isRangeOrTag } from './source.js';

/** What a package wants to have installed, by name: ranges of versions, and nothing that names another place. */
export interface DependencyWish {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
}

/** An unpacked package that passed every check that needs no dependency. */
export interface PluginPackage {
  readonly directory: string;
  readonly manifest: Manifest;
  /** Of the manifest file. */
  readonly manifestHash: string;
  /** Whose SDK it runs on. */
  readonly sdk: 'host' | 'own';
  readonly wish: DependencyWish;
  /** Range of Node versions. */
  readonly node?: string;
  /** Names, sorted. */
  readonly permissions: readonly string[];
}

/** Scripts that npm would run when the package is installed. */
const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall'] as const;
/** An id becomes the name of a folder. */
const SAFE_ID = /^[a-z0-9][a-z0-9._-]*$/;

/**
 * Reads and checks an unpacked package.
 *
 * @throws the code of the first fault, with every fault: MANIFEST_NOT_FOUND, MANIFEST_INVALID, MANIFEST_MISMATCH,
 *   ENTRY_REFUSED, ASSET_NOT_FOUND, INCOMPATIBLE, SCRIPT_REFUSED, DEPENDENCY_REFUSED, MISSING_REQUIRED_FIELD …
 */
export async function readPluginPackage(
  directory: string,
  versions: HostVersions,
  sdkVersion: string,
): Promise<PluginPackage> {
  const inPackage = ({ file, ...problem }: Problem): Problem => {
    // Where it is unpacked is nobody's concern, and gone when this is read.
    const path = file === undefined ? '' : relative(directory, file);
    return path === '' ? problem : { ...problem, file: path };
  };
  const checked = await checkPluginDirectory(directory);
  const { loaded } = checked;
  if (loaded === undefined) throw refused('the package', checked.problems.map(inPackage));
  const { manifest } = loaded;
  const described = await readJson(join(directory, 'package.json'));
  const wish = readWish(described, manifest);
  const ownNode = hasOwnNode(wish);
  const faults: Problem[] = [
    ...(await checkEntry(directory, manifest)),
    // The entry was looked at more closely above.
    ...checked.problems.filter(({ path }) => path !== 'entry'),
    ...checkId(manifest, directory),
    // A Node of its own is held against the range when it is there.
    ...checkCompat(ownNode ? withoutNode(manifest) : manifest, versions),
    ...checkScripts(described, `${manifest.id} itself`),
    ...(await checkBundled(directory, described)),
    ...checkWish(wish),
    ...checkPeer(described, wish, sdkVersion),
  ];
  if (faults.length > 0) throw refused(manifest.id, faults.map(inPackage));
  const node = manifest.compat.node;
  return {
    directory,
    manifest,
    manifestHash: sha512(await readFile(loaded.file)),
    sdk: SDK_PACKAGE in wish.dependencies ? 'own' : 'host',
    wish,
    ...(node === undefined ? {} : { node }),
    permissions: [...permissionNames(manifest.permissions)].sort(),
  };
}

export function refused(what: string, problems: readonly Problem[]): BulkheadError {
  const lines = problems.map((problem) => `  ${formatProblem(problem)}`).join('\n');
  return new BulkheadError(problems[0]?.code ?? ErrorCode.MANIFEST_INVALID, `${what} is refused:\n${lines}`, {
    problems,
  });
}

/** One SCRIPT_REFUSED for each script that an install would run. */
export function checkScripts(described: Readonly<Record<string, unknown>>, what: string): readonly Problem[] {
  const scripts = isRecord(described['scripts']) ? described['scripts'] : {};
  return INSTALL_SCRIPTS.filter((name) => typeof scripts[name] === 'string').map((name) => ({
    code: ErrorCode.SCRIPT_REFUSED,
    message: `${what} wants to run its '${name}' script when it is installed, and scripts are never run. Publish it built, or list it in install.unrun_scripts when it works without.`,
  }));
}

function checkId(manifest: Manifest, directory: string): readonly Problem[] {
  if (SAFE_ID.test(manifest.id)) return [];
  const message = `expected an id of lower-case letters, digits, '.', '_' and '-', got '${manifest.id}'; it becomes the name of a folder.`;
  return [{ code: ErrorCode.MANIFEST_INVALID, message, path: 'id', file: directory }];
}

function withoutNode(manifest: Manifest): Manifest {
  const { node: _node, ...compat } = manifest.compat;
  return { ...manifest, compat };
}

function hasOwnNode(wish: DependencyWish): boolean {
  return [...Object.keys(wish.dependencies), ...Object.keys(wish.optionalDependencies)].some((name) =>
    /^node-(?:linux|darwin|win)-[a-z0-9]+$/.test(name),
  );
}

/** Peers are installed like dependencies, as npm does; the SDK, when it is a peer, comes from the host. */
function readWish(described: Readonly<Record<string, unknown>>, manifest: Manifest): DependencyWish {
  const optional = textsOf(described['optionalDependencies'], manifest);
  const meta = isRecord(described['peerDependenciesMeta']) ? described['peerDependenciesMeta'] : {};
  const peers = Object.entries(textsOf(described['peerDependencies'], manifest)).filter(([name]) => {
    const about = meta[name];
    return name !== SDK_PACKAGE && !(isRecord(about) && about['optional'] === true);
  });
  const dependencies = { ...Object.fromEntries(peers), ...textsOf(described['dependencies'], manifest) };
  return {
    dependencies: sorted(Object.entries(dependencies).filter(([name]) => !(name in optional))),
    optionalDependencies: sorted(Object.entries(optional)),
  };
}

function checkWish({ dependencies, optionalDependencies }: DependencyWish): readonly Problem[] {
  return Object.entries({ ...dependencies, ...optionalDependencies }).flatMap(([name, wanted]) => {
    const alias = /^npm:(?:@[^/@]+\/)?[^/@]+@(.+)$/.exec(wanted)?.[1];
    if (isRangeOrTag(alias ?? wanted)) return [];
    const message = `dependency ${name}: expected a range of versions from a registry, got '${wanted}'. Git repositories, addresses and folders are not taken.`;
    return [{ code: ErrorCode.DEPENDENCY_REFUSED, message }];
  });
}

async function checkBundled(
  directory: string,
  described: Readonly<Record<string, unknown>>,
): Promise<readonly Problem[]> {
  const listed = described['bundleDependencies'] ?? described['bundledDependencies'];
  const says = listed === true || (Array.isArray(listed) && listed.length > 0);
  const there = (await stat(join(directory, 'node_modules')).catch(() => undefined)) !== undefined;
  if (!says && !there) return [];
  const message =
    'the package brings dependencies inside itself, where nothing pins them. Publish it without bundleDependencies.';
  return [{ code: ErrorCode.DEPENDENCY_REFUSED, message }];
}

function checkPeer(
  described: Readonly<Record<string, unknown>>,
  wish: DependencyWish,
  sdkVersion: string,
): readonly Problem[] {
  if (SDK_PACKAGE in wish.dependencies) return [];
  const peers = isRecord(described['peerDependencies']) ? described['peerDependencies'] : {};
  const range = peers[SDK_PACKAGE];
  if (typeof range !== 'string' || semver.satisfies(sdkVersion, range, { includePrerelease: true }))
    return [];
  const message = `it needs ${SDK_PACKAGE} ${range}, and this host provides ${sdkVersion}. Take a version of the plugin that fits, or update the host.`;
  return [{ code: ErrorCode.INCOMPATIBLE, message }];
}

async function readJson(file: string): Promise<Readonly<Record<string, unknown>>> {
  const value: unknown = await readFile(file, 'utf8').then(JSON.parse, () => undefined);
  if (isRecord(value)) return value;
  throw new BulkheadError(
    ErrorCode.MANIFEST_NOT_FOUND,
    `expected a package.json that can be read at ${file}, found none.`,
  );
}

function textsOf(value: unknown, manifest: Manifest): Readonly<Record<string, string>> {
  if (!isRecord(value)) return {};
  return Object.fromEntries(
    Object.entries(value).map(([name, wanted]) => {
      if (typeof wanted === 'string') return [name, wanted];
      throw new BulkheadError(
        ErrorCode.DEPENDENCY_REFUSED,
        `${manifest.id}: dependency ${name}: expected a text.`,
      );
    }),
  );
}

function sorted(entries: readonly (readonly [string, string])[]): Readonly<Record<string, string>> {
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
