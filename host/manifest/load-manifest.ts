import { readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { BulkheadError, ErrorCode, type Problem } from '@bulkhead/proto';
import { checkManifest, escapesPackage, type SchemaNotice } from '@bulkhead/proto/rules/schema';
import { MAX_DOCUMENT_BYTES, parseDocumentText } from './document.js';
import { formatProblem, sortProblems } from './format-problem.js';
import type { Manifest } from './manifest.js';
import { notYetUsed } from './not-yet-used.js';
import { readPackageJson } from './package-info.js';
import { scheduleFaults } from './schedule-faults.js';
import { originAt, valueOf, type SourceTree } from './source-tree.js';

/** The names that a manifest may have, at the package's root; exactly one of them. */
export const MANIFEST_FILES = ['plugin.yaml', 'plugin.yml', 'plugin.json', 'plugin.manifest.json'] as const;

/** Something to know about a manifest that is no fault. */
export interface ManifestNotice {
  /** ALIAS_USED, NOT_YET_USED, UNKNOWN_SCHEMA_KEYWORD. */
  readonly code: string;
  readonly message: string;
  readonly file: string;
  readonly line?: number;
}

export interface LoadedManifest {
  readonly directory: string;
  /** Absolute path. */
  readonly file: string;
  readonly manifest: Manifest;
  readonly tree: SourceTree;
  readonly notices: readonly ManifestNotice[];
}

export type ManifestRead =
  ({ readonly ok: true } & LoadedManifest) | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Reads the manifest of a plugin directory, all faults at once, each with file and line.
 * Codes: MANIFEST_NOT_FOUND (none, or more than one), MANIFEST_INVALID and those of `checkManifest`.
 */
export async function readManifest(directory: string): Promise<ManifestRead> {
  const failed = (code: ErrorCode, message: string, file = directory): ManifestRead => ({
    ok: false,
    problems: [{ code, message, file }],
  });
  const present: string[] = [];
  for (const name of MANIFEST_FILES) {
    const found = await stat(join(directory, name)).catch(() => undefined);
    if (found?.isFile() === true) present.push(name);
  }
  const [name, ...more] = present;
  if (name === undefined) {
    return failed(
      ErrorCode.MANIFEST_NOT_FOUND,
      `expected one of ${MANIFEST_FILES.join(', ')} in ${directory}, found none.`,
    );
  }
  if (more.length > 0) {
    return failed(
      ErrorCode.MANIFEST_NOT_FOUND,
      `expected one manifest in ${directory}, found ${present.join(' and ')}. Keep one.`,
    );
  }
  const file = join(directory, name);
  const size = (await stat(file)).size;
  if (size > MAX_DOCUMENT_BYTES) {
    return failed(
      ErrorCode.MANIFEST_INVALID,
      `expected at most ${MAX_DOCUMENT_BYTES} bytes, got ${size}.`,
      file,
    );
  }
  return parseManifest(await readFile(file, 'utf8'), file, directory);
}

async function parseManifest(text: string, file: string, directory: string): Promise<ManifestRead> {
  const parsed = parseDocumentText(text, { file, layer: 'manifest', code: ErrorCode.MANIFEST_INVALID });
  if (!parsed.ok) return parsed;
  const { tree } = parsed;
  const located = <T extends { readonly keys: readonly (string | number)[] }>({ keys, ...rest }: T) => {
    const { line } = originAt(tree, keys);
    return { ...rest, file, ...(line === undefined ? {} : { line }) };
  };
  const packageJson = await readPackageJson(directory);
  const checked = checkManifest(valueOf(tree), packageJson);
  if (!checked.ok) return { ok: false, problems: sortProblems(checked.problems.map(located)) };

  const faults = scheduleFaults(checked.manifest);
  if (faults.length > 0) return { ok: false, problems: sortProblems(faults.map(located)) };

  const entry = checked.manifest.entry ?? packageJson?.entry;
  if (entry !== undefined && escapesPackage(entry)) {
    const message = `expected \`exports\` to name a path inside the package, got '${entry}'.`;
    return {
      ok: false,
      problems: [
        { code: ErrorCode.MANIFEST_INVALID, message, path: 'exports', file: join(directory, 'package.json') },
      ],
    };
  }
  const notices: readonly SchemaNotice[] = [...checked.notices, ...notYetUsed(checked.manifest.source)];
  return {
    ok: true,
    directory,
    file,
    tree,
    manifest: { ...checked.manifest, ...(entry === undefined ? {} : { entry }) },
    notices: notices.map(located),
  };
}

/**
 * As {@link readManifest}, for callers that cannot go on without.
 *
 * @throws BulkheadError MANIFEST_NOT_FOUND or MANIFEST_INVALID with every problem
 */
export async function loadManifest(directory: string): Promise<LoadedManifest> {
  const read = await readManifest(directory);
  if (read.ok) return read;
  const [first] = read.problems;
  const code =
    first?.code === ErrorCode.MANIFEST_NOT_FOUND ? ErrorCode.MANIFEST_NOT_FOUND : ErrorCode.MANIFEST_INVALID;
  const lines = read.problems.map((problem) => `  ${formatProblem(problem)}`).join('\n');
  throw new BulkheadError(code, `the manifest of ${basename(directory)} is not valid:\n${lines}`, {
    problems: read.problems,
  });
}
