import { constants } from 'node:fs';
import { copyFile, lstat, mkdir, readFile, realpath } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { fileLine, hashListing, sha256 } from './tree.js';

const MAX_FILES = 100_000;
/** What a compiler leaves beside its output, different from run to run, and nobody reads at run time. */
const BY_PRODUCT = /\.tsbuildinfo$/;

export interface PackedFolder {
  /** Relative, with forward slashes, sorted. */
  readonly files: readonly string[];
  /** Over the list of files with their hashes: a tarball's own hash would change with the compressor. */
  readonly integrity: string;
}

/**
 * What `npm pack` would take of a package folder. No script of the package is run.
 *
 * @throws FILE_LINK_REFUSED when one of them is a link, MANIFEST_NOT_FOUND when there is no package.json
 */
export async function packFolder(folder: string): Promise<PackedFolder> {
  const described = await readDescribed(folder);
  const { default: packlist } = await import('npm-packlist');
  const listed = await packlist({
    path: folder,
    package: described,
    isProjectRoot: false,
    edgesOut: new Map(),
  });
  if (listed.length > MAX_FILES) {
    throw new BulkheadError(
      ErrorCode.USAGE,
      `${folder}: expected at most ${MAX_FILES} files, got ${listed.length}. List what belongs to the package under \`files\` in package.json.`,
    );
  }
  const files = [...new Set(listed)]
    .filter((path) => !BY_PRODUCT.test(path) && !path.startsWith('node_modules/'))
    .sort();
  const root = await realpath(folder);
  const lines: string[] = [];
  for (const path of files) {
    const full = join(folder, path);
    const stats = await lstat(full);
    const real = await realpath(full);
    if (!stats.isFile() || !real.startsWith(root + sep) || real !== join(root, path)) {
      throw new BulkheadError(
        ErrorCode.FILE_LINK_REFUSED,
        `${path} in ${folder} is a link or no file; a package holds plain files only.`,
      );
    }
    lines.push(fileLine(path, sha256(await readFile(full)), stats.mode));
  }
  return { files, integrity: hashListing(lines.sort()) };
}

/** Copies the files; none of them shares its bytes with the folder afterwards. */
export async function copyFiles(from: string, to: string, files: readonly string[]): Promise<void> {
  for (const path of files) {
    const target = join(to, path);
    await mkdir(dirname(target), { recursive: true, mode: 0o755 });
    await copyFile(join(from, path), target, constants.COPYFILE_EXCL);
  }
}

async function readDescribed(folder: string): Promise<object> {
  try {
    const value: unknown = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
    if (typeof value === 'object' && value !== null) return value;
  } catch (error) {
    throw new BulkheadError(
      ErrorCode.MANIFEST_NOT_FOUND,
      `expected a package.json that can be read in ${folder}, found none.`,
      { cause: error },
    );
  }
  throw new BulkheadError(ErrorCode.MANIFEST_NOT_FOUND, `expected an object in ${folder}/package.json.`);
}
