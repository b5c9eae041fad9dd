import { lstat, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { ErrorCode, type Problem } from '@bulkhead/proto';
import { checkCompat } from '../manifest/compat.js';
import { readManifest } from '../manifest/load-manifest.js';
import type { PackageReport } from './package-report.js';
import { HOST_VERSION } from '../version.js';

const DEFAULT_ENTRY = 'dist/index.js';

/** Checks a package as far as that goes without running it: manifest, entry, compatibility. */
export async function checkPackage(directory: string): Promise<PackageReport> {
  const checked = ['manifest'];
  const read = await readManifest(directory);
  if (!read.ok) return { name: '(unknown)', directory, checked, problems: read.problems, notices: [] };
  checked.push('entry', 'compatibility');
  const { manifest } = read;
  const problems = [
    ...(await checkEntry(directory, manifest.entry ?? DEFAULT_ENTRY, read.file)),
    ...checkCompat(manifest, { app: HOST_VERSION, node: process.versions.node }).map(({ keys, ...problem }) => ({
      ...problem,
      file: read.file,
      path: keys.join('.'),
    })),
  ];
  const notices = read.notices.map(({ code, message }) => `${code}: ${message}`);
  return { name: manifest.id, directory, checked, problems, notices };
}

/** The entry must be a file of the package itself, also when every link is followed. */
async function checkEntry(directory: string, entry: string, file: string): Promise<readonly Problem[]> {
  const fault = (message: string): readonly Problem[] => [
    { code: ErrorCode.MANIFEST_INVALID, message, path: 'entry', file },
  ];
  const path = resolve(directory, entry);
  if (!isInside(directory, path)) return fault(`expected a path inside the package, got '${entry}'.`);
  const there = await stat(path).catch(() => undefined);
  if (there?.isFile() !== true) return fault(`expected a file at ${entry}, found none. Build the package first.`);
  if (!isInside(await realpath(directory), await realpath(path))) {
    return fault(`${entry} is a link that leads out of the package.`);
  }
  const { nlink } = await lstat(path);
  return nlink > 1 ? fault(`${entry} is a hard link: another name of that file can change it.`) : [];
}

function isInside(directory: string, path: string): boolean {
  const inside = relative(directory, path);
  return inside !== '' && !inside.startsWith('..') && !isAbsolute(inside) && join(directory, inside) === path;
}
