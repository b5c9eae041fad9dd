import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BulkheadError, ErrorCode, type Problem } from '@bulkhead/proto';
import { sha512OfFile } from '../../install/integrity.js';
import { packFolder } from '../../install/pack-folder.js';
import { loadManifest } from '../../manifest/load-manifest.js';
import type { Manifest } from '../../manifest/manifest.js';
import { checkPackage } from '../check-package.js';
import { unmetCriteria } from './maturity.js';

export interface PackedPlugin {
  readonly id: string;
  readonly version: string;
  readonly maturity: string;
  /** Absolute. */
  readonly file: string;
  readonly files: readonly string[];
  readonly bytes: number;
  /** `sha512-…` of the tarball. */
  readonly integrity: string;
}

/** As npm does it: the same sources give the same bytes, whenever they are packed. */
const MTIME = new Date('1985-10-26T08:15:00.000Z');

/**
 * Packs a built package into a tarball that `bulkhead plugin install` takes. No script of the package is run.
 *
 * @throws MANIFEST_INVALID with every problem: of the package, of what it leaves out, of its maturity
 */
export async function packPlugin(directory: string, outDirectory: string): Promise<PackedPlugin> {
  const checked = await checkPackage(directory);
  if (checked.problems.length > 0) throw notPacked(directory, checked.problems);
  const { manifest, file: manifestFile } = await loadManifest(directory);
  const { files } = await packFolder(directory);
  const readme = files.includes('README.md')
    ? await readFile(join(directory, 'README.md'), 'utf8')
    : undefined;
  const problems = [
    ...leftOut(manifest, manifestFile, directory, files),
    ...unmetCriteria(manifest, { files, readme }).map((message) => fault(manifestFile, 'maturity', message)),
  ];
  if (problems.length > 0) throw notPacked(directory, problems);

  await mkdir(outDirectory, { recursive: true });
  const target = join(outDirectory, tarballName(manifest));
  const staged = join(outDirectory, `.${randomUUID()}.tgz`);
  try {
    const { create } = await import('tar');
    const options = { cwd: directory, file: staged, gzip: { level: 9 }, portable: true, mtime: MTIME };
    await create(
      { ...options, prefix: 'package/' },
      files.map((path) => `./${path}`),
    );
    await rename(staged, target);
  } catch (error) {
    await rm(staged, { force: true });
    throw error;
  }
  return {
    id: manifest.id,
    version: manifest.version,
    maturity: manifest.maturity ?? 'alpha',
    file: target,
    files,
    bytes: (await stat(target)).size,
    integrity: await sha512OfFile(target),
  };
}

/** As npm names it: `acme-my-plugin-1.0.0.tgz`. */
function tarballName({ packageName, name, version }: Manifest): string {
  return `${(packageName ?? name).replace(/^@/, '').replace('/', '-')}-${version}.tgz`;
}

/** What the host needs and `files` of package.json forgets. */
function leftOut(
  manifest: Manifest,
  manifestFile: string,
  directory: string,
  files: readonly string[],
): readonly Problem[] {
  const there = new Set(files);
  const needed = [
    ['manifest', manifestFile.slice(directory.length + 1)],
    ['entry', manifest.entry?.replace(/^\.\//, '')],
    ...(manifest.assets ?? []).map((asset) => ['assets', asset] as const),
  ] as const;
  return needed.flatMap(([what, path]) =>
    path === undefined || there.has(path)
      ? []
      : [
          fault(
            join(directory, 'package.json'),
            'files',
            `${path} (${what}) is not in the package. Add it to \`files\`.`,
          ),
        ],
  );
}

function fault(file: string, path: string, message: string): Problem {
  return { code: ErrorCode.MANIFEST_INVALID, message, path, file };
}

function notPacked(directory: string, problems: readonly Problem[]): BulkheadError {
  const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
  return new BulkheadError(ErrorCode.MANIFEST_INVALID, `${directory} was not packed: ${count}`, { problems });
}
