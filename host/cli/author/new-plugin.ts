import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, realpath, rename, rm, rmdir, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { writeAuthorTypes } from '../write-author-types.js';
import type { PluginPlan } from './plugin-plan.js';
import type { Checkout } from './sdk-place.js';
import { renderPlugin, sdkRange } from './templates.js';

/** What a plugin in TypeScript is built with. */
const BUILD_TOOLS = ['typescript', '@types/node'];

export interface NewPlugin {
  readonly directory: string;
  /** Whether its packages are there already, linked from a checkout of Bulkhead. */
  readonly linked: boolean;
}

/**
 * Writes a plugin's package: the whole directory, or nothing.
 *
 * In a checkout the SDK is not published: the package says `link:` and gets a link to the checkout's copy, and links to
 * its compiler, so that it builds and passes its tests at once and without a network.
 *
 * @throws USAGE when the directory holds something
 */
export async function newPlugin(
  plan: PluginPlan,
  directory: string,
  checkout: Checkout | undefined,
): Promise<NewPlugin> {
  await assertEmpty(directory);
  await mkdir(dirname(directory), { recursive: true });
  const parent = await realpath(dirname(directory));
  const target = join(parent, basename(directory));
  const staged = await mkdtemp(join(parent, '.new-'));
  try {
    const sdk = checkout === undefined ? sdkRange() : `link:${posix(relative(target, checkout.sdk))}`;
    for (const [path, text] of Object.entries(renderPlugin(plan, sdk))) {
      await mkdir(dirname(join(staged, path)), { recursive: true });
      await writeFile(join(staged, path), text);
    }
    await writeAuthorTypes(staged);
    if (checkout !== undefined) await linkPackages(plan, staged, checkout);
    // An empty directory gives way; one that was filled meanwhile makes this fail.
    await rmdir(target).catch(() => undefined);
    await rename(staged, target);
  } catch (error) {
    await rm(staged, { recursive: true, force: true });
    throw error;
  }
  return { directory: target, linked: checkout !== undefined };
}

async function assertEmpty(directory: string): Promise<void> {
  const names = await readdir(directory).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw new BulkheadError(
      ErrorCode.USAGE,
      `${directory} is not a directory. Name another one with --dir.`,
      { cause: error },
    );
  });
  if (names.length > 0) {
    throw new BulkheadError(
      ErrorCode.USAGE,
      `${directory} is there and not empty. Name another one with --dir.`,
    );
  }
}

async function linkPackages(
  { language }: PluginPlan,
  directory: string,
  { sdk, modules }: Checkout,
): Promise<void> {
  const link = async (name: string, target: string): Promise<void> => {
    const path = join(directory, 'node_modules', ...name.split('/'));
    await mkdir(dirname(path), { recursive: true });
    await symlink(target, path, 'dir');
  };
  await link('@bulkhead/sdk', sdk);
  if (language !== 'ts') return;
  for (const name of BUILD_TOOLS) {
    const place = join(modules, ...name.split('/'));
    if (existsSync(place)) await link(name, await realpath(place));
  }
  const bin = join(directory, 'node_modules', '.bin');
  await mkdir(bin, { recursive: true });
  await symlink(join('..', 'typescript', 'bin', 'tsc'), join(bin, 'tsc'));
}

function posix(path: string): string {
  return path.replaceAll('\\', '/');
}
