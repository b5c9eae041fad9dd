import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { TreeCheck } from '../../host/dist/install/tree-check.js';
import { createTreeChecker } from '../../host/dist/install/tree-checker.js';
import { hashListing, listTree } from '../../host/dist/install/tree.js';
import {
  CLI,
  createProject,
  pluginPackage,
  writePackage,
  type TestProject,
} from '../install/project.test-support.ts';
import { startRegistry } from '../install/registry.test-support.ts';
import { median } from './measure.ts';

/** Files of the tree that is verified, and their sizes together. */
export const TREE_FILES = 5_000;
const TREE_BYTES = 100_000_000;
/** Plugins that share one dependency, and its files. */
const SHARING = 10;
const SHARED_FILES = 200;
const SHARED_FILE_BYTES = 20_000;

const START_MS = 100;

/** A `plugin install` of what is there already, and Node doing nothing, interleaved; without a network. */
export interface SecondInstall {
  readonly installMs: number;
  /** The same of a folder, whose files are hashed to know that they are what is there. */
  readonly folderMs: number;
  readonly nodeMs: number;
  /** Disk of ten plugins that share their dependencies over the disk of one. */
  readonly tenOverOne: number;
}

export async function measureSecondInstall(rounds: number): Promise<SecondInstall> {
  const registry = await startRegistry();
  try {
    await using one = await createProject(registry.url);
    await using ten = await createProject(registry.url);
    await registry.publish({
      name: 'shared',
      version: '1.0.0',
      files: Object.fromEntries(
        Array.from({ length: SHARED_FILES }, (_, i) => [`lib/${i}.js`, text(i, SHARED_FILE_BYTES)]),
      ),
    });
    const names = Array.from({ length: SHARING }, (_, i) => `@bench/p${i}`);
    for (const name of names) {
      const id = `dev.bench.${name.slice('@bench/'.length)}`;
      await registry.publish(pluginPackage({ name, id, described: { dependencies: { shared: '1.0.0' } } }));
    }
    await one.install('@bench/p0');
    await ten.install(...names);
    const oneBytes = await diskOf(one.pluginsDir);
    await registry.close();
    const folder = await writePackage(one, 'own', pluginPackage({ name: '@bench/own', id: 'dev.bench.own' }));
    await one.install(folder);
    const installs: number[] = [];
    const folders: number[] = [];
    const nodes: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      nodes.push(await timeOf(one, ['-e', '0']));
      installs.push(await timeOf(one, [CLI, 'plugin', 'install', '@bench/p0']));
      folders.push(await timeOf(one, [CLI, 'plugin', 'install', folder]));
    }
    return {
      installMs: median(installs),
      folderMs: median(folders),
      nodeMs: median(nodes),
      tenOverOne: (await diskOf(ten.pluginsDir)) / oneBytes,
    };
  } finally {
    await registry[Symbol.asyncDispose]();
  }
}

/** Verifying a tree as before each start, in the host's thread for it. */
export interface Verification {
  /** Nothing known: every byte is read. */
  readonly hashMsPer100Mb: number;
  /** Nothing changed since it was verified. */
  readonly unchangedMs: number;
  /** The same by a thread's first check; the host starts the thread while it reads its configuration. */
  readonly unchangedFirstMs: number;
}

export async function measureVerification(rounds: number): Promise<Verification> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-tree-'));
  try {
    const root = join(folder, 'root');
    for (let i = 0; i < TREE_FILES; i += 1) {
      const file = join(root, 'node_modules', `package-${i % 100}`, 'lib', `${i}.js`);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text(i, TREE_BYTES / TREE_FILES));
    }
    const listing = listTree(root);
    const check: TreeCheck = { root, tree: hashListing(listing), listing };
    const cached: TreeCheck = { ...check, cacheFile: join(folder, 'stamps.json') };
    const first: number[] = [];
    const hashes: number[] = [];
    const unchanged: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const trees = createTreeChecker();
      if (round === 0) await trees.check(cached);
      hashes.push(await timed(() => trees.check(check)));
      unchanged.push(await timed(() => trees.check(cached)));
      await trees.close();
      const fresh = createTreeChecker();
      fresh.warm();
      // As long as a host is busy with its configuration.
      await delay(START_MS);
      first.push(await timed(() => fresh.check(cached)));
      await fresh.close();
    }
    return {
      hashMsPer100Mb: (median(hashes) * 100_000_000) / TREE_BYTES,
      unchangedMs: median(unchanged),
      unchangedFirstMs: median(first),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function timed(work: () => Promise<readonly unknown[]>): Promise<number> {
  const begin = performance.now();
  const faults = await work();
  const ms = performance.now() - begin;
  if (faults.length > 0) throw new Error(`expected a tree that verifies, got ${JSON.stringify(faults[0])}`);
  return ms;
}

async function timeOf(project: TestProject, args: readonly string[]): Promise<number> {
  const begin = performance.now();
  const child = spawn(process.execPath, args, { cwd: project.folder, env: project.env, stdio: 'ignore' });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${String(code)}`);
  return performance.now() - begin;
}

/** Different in each file, so that no store finds two alike. */
function text(seed: number, bytes: number): string {
  return `// ${seed}\n`.padEnd(bytes, 'x');
}

/** Bytes on disk, a file with several names once. */
async function diskOf(folder: string): Promise<number> {
  const sizes = new Map<number, number>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const { ino, blocks } = await stat(join(entry.parentPath, entry.name));
    sizes.set(ino, blocks * 512);
  }
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}
