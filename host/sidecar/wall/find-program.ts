import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { spawnFailed } from '../plugin-process.js';

/** Where a system keeps its programs, whatever PATH says. */
const SYSTEM_FOLDERS = ['/usr/bin', '/bin', '/usr/local/bin'];

/** A program's absolute path in the first of these folders that has it; undefined when none does. */
export async function findProgram(
  name: string,
  searchPath = '',
  folders: readonly string[] = [...SYSTEM_FOLDERS, ...searchPath.split(delimiter).filter(isAbsolute)],
): Promise<string | undefined> {
  for (const folder of folders) {
    const path = join(folder, name);
    const there = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (there) return path;
  }
  return undefined;
}

/**
 * What is put in front of a program would fail in its place, and look like a plugin that ended.
 *
 * @throws BulkheadError SPAWN_FAILED when the program, named by its path, may not be run
 */
export async function assertProgram(file: string, cwd: string): Promise<void> {
  if (!isAbsolute(file)) return;
  await access(file, constants.X_OK).catch((error: unknown) => {
    throw spawnFailed({ file, cwd }, error);
  });
}
