import { randomBytes } from 'node:crypto';
import {
  chmod,
  copyFile,
  link,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { SdkPin } from './lock-file.js';
import { fileLine, hashListing, sha256 } from './tree.js';

export const SDK_PACKAGE = '@bulkhead/sdk';
/** Folders of the SDK that only its own build and plugin tests use. */
const NOT_AT_RUN_TIME = /^dist\/(?:testing|runner)\//;
/** What the compiler leaves beside its output and nobody needs at run time. */
const BY_PRODUCT = /(?:\.tsbuildinfo|\.map|\.d\.ts|\.d\.mts|\.d\.cts)$/;
const READ_ONLY = 0o444;

/** The SDK that this host gives to plugins that pin none: the runner is one bundle, so it needs no dependencies. */
export interface HostSdk extends SdkPin {
  readonly files: readonly { readonly path: string; readonly content: Uint8Array }[];
}

/**
 * Reads the SDK as plugins get it.
 *
 * @param directory the SDK's package, built
 * @throws LOCK_MISMATCH when it is not built
 */
export async function readHostSdk(directory: string): Promise<HostSdk> {
  const { version, text } = await readDescribed(directory);
  const built = await filesBelow(directory, 'dist');
  const paths = built.filter((path) => !NOT_AT_RUN_TIME.test(path) && !BY_PRODUCT.test(path)).sort();
  for (const needed of ['dist/index.js', 'dist/bin.cjs']) {
    if (paths.includes(needed)) continue;
    throw new BulkheadError(
      ErrorCode.LOCK_MISMATCH,
      `expected ${needed} of ${SDK_PACKAGE} in ${directory}, found none; build it first.`,
    );
  }
  const files = [
    { path: 'package.json', content: Buffer.from(text) },
    ...(await Promise.all(
      paths.map(async (path) => ({ path, content: await readFile(join(directory, path)) })),
    )),
  ];
  const lines = files.map(({ path, content }) => fileLine(path, sha256(content), READ_ONLY));
  return { version, integrity: hashListing(lines.sort()), files };
}

/** package.json without what only building it needs, and without the test harness, which is not there. */
async function readDescribed(
  directory: string,
): Promise<{ readonly version: string; readonly text: string }> {
  const value: unknown = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8'));
  const described = isRecord(value) ? value : {};
  const { name, version, description, license, type, engines, bin, exports } = described;
  const exported = isRecord(exports)
    ? Object.fromEntries(Object.entries(exports).filter(([key]) => key !== './testing'))
    : exports;
  const kept = { name, version, description, license, type, engines, bin, exports: exported };
  return { version: String(version), text: `${JSON.stringify(kept, null, 2)}\n` };
}

/** Puts the SDK into an environment. Its files are shared with those of other environments, and read-only. */
export async function provideSdk(sdk: HostSdk, environment: string, cacheDir: string): Promise<void> {
  const shared = await sharedCopy(sdk, cacheDir);
  const home = join(environment, 'node_modules', SDK_PACKAGE);
  for (const { path } of sdk.files) {
    const target = join(home, path);
    await mkdir(dirname(target), { recursive: true, mode: 0o755 });
    await link(join(shared, path), target).catch(() => copyFile(join(shared, path), target));
  }
}

async function sharedCopy(sdk: HostSdk, cacheDir: string): Promise<string> {
  const folder = join(
    cacheDir,
    'sdk',
    Buffer.from(sdk.integrity.slice('sha512-'.length), 'base64').toString('hex').slice(0, 32),
  );
  if (await holds(folder, sdk)) return folder;
  const staged = `${folder}.${randomBytes(6).toString('hex')}`;
  try {
    await writeCopy(sdk, staged);
  } catch (error) {
    await rm(staged, { recursive: true, force: true });
    throw error;
  }
  await rm(folder, { recursive: true, force: true });
  await rename(staged, folder).catch(async (error: unknown) => {
    await rm(staged, { recursive: true, force: true });
    // Another run was faster, with the same bytes.
    if (!(await holds(folder, sdk))) throw error;
  });
  return folder;
}

async function writeCopy(sdk: HostSdk, folder: string): Promise<void> {
  for (const { path, content } of sdk.files) {
    const target = join(folder, path);
    await mkdir(dirname(target), { recursive: true, mode: 0o755 });
    await writeFile(target, content, { flag: 'wx' });
    await chmod(target, READ_ONLY);
  }
}

async function holds(folder: string, sdk: HostSdk): Promise<boolean> {
  for (const { path, content } of sdk.files) {
    const there = await readFile(join(folder, path)).catch(() => undefined);
    if (there === undefined || !there.equals(content)) return false;
    if (((await stat(join(folder, path))).mode & 0o777) !== READ_ONLY) return false;
  }
  return true;
}

async function filesBelow(directory: string, folder: string): Promise<readonly string[]> {
  const entries = await readdir(join(directory, folder), { withFileTypes: true }).catch(() => []);
  const nested = await Promise.all(
    entries.map(async (entry) => {
      const path = `${folder}/${entry.name}`;
      return entry.isDirectory() ? filesBelow(directory, path) : [path];
    }),
  );
  return nested.flat();
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
