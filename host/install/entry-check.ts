import { lstat, realpath } from 'node:fs/promises';
import { join, normalize } from 'node:path';
import { ErrorCode, type Problem } from '@bulkhead/proto';
import { escapesPackage } from '@bulkhead/proto/rules/schema';
import type { Manifest } from '../manifest/manifest.js';

/** The entry has to be a plain file of the package: by its text, by every link on its way, and by itself. */
export async function checkEntry(directory: string, manifest: Manifest): Promise<readonly Problem[]> {
  const { entry } = manifest;
  const refuse = (message: string): readonly Problem[] => [
    { code: ErrorCode.ENTRY_REFUSED, message: `entry: ${message}`, path: 'entry', file: directory },
  ];
  if (entry === undefined)
    return refuse("expected the key 'entry', or `exports` in package.json, and neither is there.");
  if (escapesPackage(entry)) return refuse(`expected a path inside the package, got '${entry}'.`);
  const path = join(directory, normalize(entry));
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined)
    return refuse(
      `expected the file '${entry}' in the package, and it is not there. Build the package first.`,
    );
  if (found.isSymbolicLink()) return refuse(`'${entry}' is a link; expected a plain file.`);
  if (!found.isFile()) return refuse(`expected a file at '${entry}', found something else.`);
  if ((await realpath(path)) !== join(await realpath(directory), normalize(entry))) {
    return refuse(`'${entry}' leads through a link; expected a plain file in plain folders.`);
  }
  return found.nlink > 1 ? refuse(`'${entry}' is a hard link: another name of that file can change it.`) : [];
}
