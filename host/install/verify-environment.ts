import { join } from 'node:path';
import type { Problem } from '@bulkhead/proto';
import { environmentPath, listingPath, treeOf, type EnvironmentRecord } from './environment.js';
import { checkTree, type TreeCheck } from './tree-check.js';

export interface VerifyPlaces {
  readonly pluginsDir: string;
  readonly cacheDir: string;
}

/** What an environment is held against, or undefined when its lock has no tree for this platform. */
export function treeCheckOf(
  { pluginsDir, cacheDir }: VerifyPlaces,
  record: EnvironmentRecord,
): TreeCheck | undefined {
  const { id, folder, entry, sdk } = record;
  const tree = treeOf(entry);
  if (tree === undefined) return undefined;
  const uid = process.getuid?.();
  return {
    root: environmentPath(pluginsDir, id, folder),
    tree,
    listingFile: listingPath(pluginsDir, id, folder),
    cacheFile: join(cacheDir, 'verified', id, `${folder}.json`),
    ...(uid === undefined ? {} : { uid }),
    ...(entry.sdk === 'host' && sdk !== undefined ? { sdk: sdk.integrity } : {}),
  };
}

/** Verifies an environment in this thread: for programs that have nothing else to do meanwhile. */
export function checkRecord(places: VerifyPlaces, record: EnvironmentRecord): Promise<readonly Problem[]> {
  const check = treeCheckOf(places, record);
  return Promise.resolve(check === undefined ? [] : checkTree(check));
}
