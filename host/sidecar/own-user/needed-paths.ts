import { realpath } from 'node:fs/promises';
import { dirname, isAbsolute } from 'node:path';
import type { LaunchDescription } from '../sidecar.js';
import { isWithin } from '../wall/granted-paths.js';
import { pathsBeside } from '../wall/linked-packages.js';
import type { NeededPath } from './way.js';

/**
 * What a plugin's user has to get at. Nothing inside the package: a plugin that closes its own files does not start, and
 * is not to be run as the host's user for it.
 */
export async function neededPaths(description: LaunchDescription): Promise<readonly NeededPath[]> {
  const { command, cwd, dataDir, reach } = description;
  const [file] = command;
  const root = await realpath(cwd);
  const outside = isAbsolute(file) && !isWithin(file, cwd) && !isWithin(file, root);
  const beside = await pathsBeside(description, root);
  return [
    ...(outside ? [file] : []).map(reading),
    reading(cwd),
    ...beside.map(reading),
    ...(dataDir === undefined ? [] : [{ path: dirname(dataDir), access: 'x' } as const]),
    ...(reach?.filesystem ?? []).map(({ path, access }) => ({ path, access: GRANTED[access] })),
  ];
}

const GRANTED = { ro: 'r', rw: 'rw' } as const;

function reading(path: string): NeededPath {
  return { path, access: 'r' };
}
