import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { compileSchema, problemsFromAjv } from '@bulkhead/proto/rules/schema';
import { formatProblem } from '../manifest/format-problem.js';
import { LOCK_FORMAT, LOCK_SCHEMA } from './lock-schema.js';
import type { PluginSource } from './source.js';

export const LOCK_FILE = 'plugins.lock.json';
/** Beside the lock: one folder a plugin with its dependency lockfile. */
export const LOCKS_FOLDER = 'locks';
export const DEPENDENCY_LOCKFILE = 'pnpm-lock.yaml';

/** One plugin, pinned. Hashes are `sha512-…`. */
export interface LockEntry {
  readonly name: string;
  readonly package?: string;
  readonly source: PluginSource;
  readonly version: string;
  readonly integrity: string;
  readonly manifest: string;
  /** Of the dependency lockfile; absent when it has no dependencies. */
  readonly dependencies?: string;
  /** By platform, or under `any`. */
  readonly tree: Readonly<Record<string, string>>;
  readonly sdk: 'host' | 'own';
  readonly node?: string;
  /** Names of what it asked for, sorted. */
  readonly permissions: readonly string[];
}

export interface SdkPin {
  readonly version: string;
  readonly integrity: string;
}

export interface PluginsLock {
  readonly sdk?: SdkPin;
  readonly plugins: Readonly<Record<string, LockEntry>>;
}

export const EMPTY_LOCK: PluginsLock = { plugins: {} };

/** Largest lock that is read, in bytes. */
const MAX_LOCK_BYTES = 16 * 1024 * 1024;

let validator: ReturnType<typeof compileSchema<PluginsLock>> | undefined;

/** @throws LOCK_INVALID */
export function parseLock(content: string, file: string): PluginsLock {
  validator ??= compileSchema<PluginsLock>(LOCK_SCHEMA, { trusted: true });
  const value = parseAs(validator, content, file);
  return { ...(value.sdk === undefined ? {} : { sdk: value.sdk }), plugins: value.plugins };
}

/** undefined when there is none. @throws LOCK_INVALID */
export async function readLock(file: string): Promise<PluginsLock | undefined> {
  const content = await readIfThere(file);
  return content === undefined ? undefined : parseLock(content, file);
}

/** The text of a lock: keys in one order, plugins sorted, so that a change is a small diff. */
export function formatLock(lock: PluginsLock): string {
  const plugins = Object.entries(lock.plugins)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([id, entry]) => [id, ordered(entry)] as const);
  const value = {
    format: LOCK_FORMAT,
    ...(lock.sdk === undefined ? {} : { sdk: { version: lock.sdk.version, integrity: lock.sdk.integrity } }),
    plugins: Object.fromEntries(plugins),
  };
  return `${JSON.stringify(value, null, 2)}\n`;
}

function ordered(entry: LockEntry): LockEntry {
  const { name, source, version, integrity, manifest, dependencies, tree, sdk, node, permissions } = entry;
  return {
    name,
    ...(entry.package === undefined ? {} : { package: entry.package }),
    source,
    version,
    integrity,
    manifest,
    ...(dependencies === undefined ? {} : { dependencies }),
    tree: Object.fromEntries(Object.entries(tree).sort(([a], [b]) => (a < b ? -1 : 1))),
    sdk,
    ...(node === undefined ? {} : { node }),
    permissions: [...permissions].sort(),
  };
}

/** Where the dependency lockfile of a plugin is kept. */
export function dependencyLockfileOf(lockFile: string, id: string): string {
  return join(dirname(lockFile), LOCKS_FOLDER, id, DEPENDENCY_LOCKFILE);
}

export async function readIfThere(file: string): Promise<string | undefined> {
  try {
    const content = await readFile(file, 'utf8');
    if (content.length <= MAX_LOCK_BYTES) return content;
    throw new BulkheadError(
      ErrorCode.LOCK_INVALID,
      `${file}: expected at most ${MAX_LOCK_BYTES} bytes, got more.`,
    );
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** @throws LOCK_INVALID */
export function parseAs<T>(check: ReturnType<typeof compileSchema<T>>, content: string, file: string): T {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (cause) {
    const message = `${file}: expected JSON. Take the version that was committed.`;
    throw new BulkheadError(ErrorCode.LOCK_INVALID, message, { cause });
  }
  if (!check(value)) throw invalid(file, value, check.errors ?? []);
  return value;
}

function invalid(file: string, value: unknown, errors: Parameters<typeof problemsFromAjv>[0]): BulkheadError {
  const problems = problemsFromAjv(errors, value, { code: ErrorCode.LOCK_INVALID }).map(
    ({ keys, ...problem }) => ({
      ...problem,
      file,
      path: keys.join('.'),
    }),
  );
  const lines = problems.map((problem) => `  ${formatProblem(problem)}`).join('\n');
  return new BulkheadError(
    ErrorCode.LOCK_INVALID,
    `${file} is not a lock that this version reads; take the one that was committed:\n${lines}`,
    { problems },
  );
}
