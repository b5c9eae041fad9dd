import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BulkheadError, ErrorCode, type Problem } from '@bulkhead/proto';
import { DEPENDENCY_LOCKFILE } from './lock-file.js';
import type { PackageManager } from './package-manager.js';
import { checkScripts, refused, type DependencyWish } from './plugin-package.js';

/** For the package manager: one project, nothing built, nothing taken from elsewhere, a lockfile that is believed because its hash is pinned. */
const SETTINGS = `packages: ['.']
strictDepBuilds: false
trustLockfile: true
blockExoticSubdeps: true
preferSymlinkedExecutables: true
packageImportMethod: auto
verifyStoreIntegrity: true
minimumReleaseAge: 0
fetchRetries: 2
fetchRetryMintimeout: 500
fetchRetryMaxtimeout: 5000
pmOnFail: ignore
`;
/** What the package manager notes for itself: it holds times and places, and nobody reads it later. */
const NOTES = ['.modules.yaml', '.pnpm-workspace-state-v1.json', join('.pnpm', 'lock.yaml')];
const TOLD_LINES = 15;
/** It leaves out an optional package that it cannot have, and calls that done. Here what is pinned is there, or nothing is. */
const LEFT_OUT = /could not be fetched/;

export function hasDependencies({ dependencies, optionalDependencies }: DependencyWish): boolean {
  return Object.keys(dependencies).length + Object.keys(optionalDependencies).length > 0;
}

/**
 * Pins the whole graph of what is wished for. Nothing is installed and no code of it runs.
 *
 * @param folder empty, or not there yet
 * @param before the lockfile so far; versions in it that still fit stay
 * @returns the lockfile's text
 * @throws DEPENDENCIES_FAILED
 */
export async function lockDependencies(
  folder: string,
  wish: DependencyWish,
  before: string | undefined,
  manager: PackageManager,
): Promise<string> {
  await writeProject(folder, wish, before);
  const { ok, output } = await manager.run(folder, ['install', '--lockfile-only', '--no-frozen-lockfile']);
  if (!ok) throw failed('resolve', output);
  return readFile(join(folder, DEPENDENCY_LOCKFILE), 'utf8');
}

/**
 * Installs exactly what the lockfile pins, from the store where it has it: then without any network.
 *
 * @param folder empty, or not there yet; has `node_modules` afterwards and nothing else
 * @throws DEPENDENCIES_FAILED
 */
export async function installDependencies(
  folder: string,
  wish: DependencyWish,
  lockfile: string,
  manager: PackageManager,
): Promise<void> {
  await writeProject(folder, wish, lockfile);
  const frozen = ['install', '--prod', '--frozen-lockfile'];
  const kept = await manager.run(folder, [...frozen, '--offline']);
  if (!kept.ok || LEFT_OUT.test(kept.output)) {
    await rm(join(folder, 'node_modules'), { recursive: true, force: true });
    const fetched = await manager.run(folder, [...frozen, '--prefer-offline']);
    if (!fetched.ok || LEFT_OUT.test(fetched.output)) throw failed('install', fetched.output);
  }
  for (const name of ['package.json', 'pnpm-workspace.yaml', DEPENDENCY_LOCKFILE])
    await rm(join(folder, name), { force: true });
  for (const name of NOTES) await rm(join(folder, 'node_modules', name), { force: true });
}

/**
 * Refuses a graph in which a package wants to run a script at install: it was not run, so it may not work.
 *
 * @param modules the graph's `node_modules`
 * @param allowed packages that an operator says work without
 * @throws SCRIPT_REFUSED
 */
export async function assertNoScripts(
  modules: string,
  allowed: readonly string[],
  what: string,
): Promise<void> {
  const store = join(modules, '.pnpm');
  const faults: Problem[] = [];
  for (const slot of await readdir(store).catch(() => [])) {
    for (const name of await packageNames(join(store, slot, 'node_modules'))) {
      if (allowed.includes(name)) continue;
      const folder = join(store, slot, 'node_modules', name);
      const described: unknown = await readFile(join(folder, 'package.json'), 'utf8').then(
        JSON.parse,
        () => ({}),
      );
      if (typeof described !== 'object' || described === null) continue;
      const wants = checkScripts(Object.fromEntries(Object.entries(described)), `dependency ${name}`);
      if (wants.length > 0) faults.push(...wants);
      else if ((await readdir(folder)).includes('binding.gyp')) {
        faults.push({
          code: ErrorCode.SCRIPT_REFUSED,
          message: `dependency ${name} wants to compile native code when it is installed, and scripts are never run.`,
        });
      }
    }
  }
  if (faults.length > 0) throw refused(what, faults);
}

/** The real folders only: beside a package stand links to what it depends on. */
async function packageNames(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const nested = await Promise.all(
    entries
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map(async ({ name }) =>
        name.startsWith('@')
          ? (await packageNames(join(folder, name))).map((inner) => `${name}/${inner}`)
          : [name],
      ),
  );
  return nested.flat();
}

async function writeProject(
  folder: string,
  wish: DependencyWish,
  lockfile: string | undefined,
): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o755 });
  const project = { name: 'plugin-environment', version: '0.0.0', private: true, ...wish };
  await writeFile(join(folder, 'package.json'), JSON.stringify(project));
  await writeFile(join(folder, 'pnpm-workspace.yaml'), SETTINGS);
  if (lockfile !== undefined) await writeFile(join(folder, DEPENDENCY_LOCKFILE), lockfile);
}

/** Moves a graph into the package that it belongs to. */
export async function moveModules(from: string, to: string): Promise<void> {
  await rename(join(from, 'node_modules'), join(to, 'node_modules')).catch((error: unknown) => {
    // A graph of optional packages for other platforms only leaves none.
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  });
}

function failed(what: 'resolve' | 'install', output: string): BulkheadError {
  const lines = output
    .split('\n')
    .filter((line) => line.trim() !== '' && !/^(?:Progress|Packages):/.test(line));
  const code = /ERR_PNPM_[A-Z_]+/.exec(output)?.[0];
  const error = codeOf(code);
  return new BulkheadError(
    error,
    `the package manager could not ${what} the dependencies${code === undefined ? '' : ` (${code})`}:\n${lines
      .slice(-TOLD_LINES)
      .map((line) => `  ${line}`)
      .join('\n')}`,
    { retryable: error === ErrorCode.DEPENDENCIES_FAILED },
  );
}

function codeOf(code: string | undefined): ErrorCode {
  switch (code) {
    case 'ERR_PNPM_TARBALL_INTEGRITY':
      return ErrorCode.INTEGRITY_MISMATCH;
    case 'ERR_PNPM_EXOTIC_SUBDEP':
      return ErrorCode.DEPENDENCY_REFUSED;
    default:
      return ErrorCode.DEPENDENCIES_FAILED;
  }
}
