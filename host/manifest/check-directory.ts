import { realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { ErrorCode, type Problem } from '@bulkhead/proto';
import { checkConditions, isBuiltInHook } from '@bulkhead/proto/rules';
import type { Keys } from '@bulkhead/proto/rules/schema';
import { sortProblems } from './format-problem.js';
import { readManifest, type LoadedManifest, type ManifestNotice } from './load-manifest.js';
import { LATER_HOOKS } from './not-yet-used.js';
import { originAt } from './source-tree.js';

export interface DirectoryCheck {
  /** In the order of the manifest's lines; empty when all is well. */
  readonly problems: readonly Problem[];
  readonly notices: readonly ManifestNotice[];
  /** Absent when the manifest itself is not valid. */
  readonly loaded?: LoadedManifest;
}

/**
 * All that can be said of a plugin directory without running its code: manifest, package.json, entry, assets, schemas,
 * conditions. What is declared against what is implemented needs the process and is not looked at here.
 */
export async function checkPluginDirectory(directory: string): Promise<DirectoryCheck> {
  const read = await readManifest(directory);
  if (!read.ok) return { problems: read.problems, notices: [] };
  const { manifest, tree, file } = read;
  const problems: Problem[] = [];
  const notices = [...read.notices];
  const place = (keys: Keys): { readonly file: string; readonly line?: number } => {
    const { line } = originAt(tree, keys);
    return { file, ...(line === undefined ? {} : { line }) };
  };

  if (manifest.entry === undefined) {
    const message = "expected the key 'entry', or `exports` in package.json, and neither is there.";
    problems.push({ code: ErrorCode.MISSING_REQUIRED_FIELD, path: 'entry', message, file });
  } else {
    const fault = await fileFault(directory, manifest.entry);
    if (fault !== undefined)
      problems.push({
        code: ErrorCode.MANIFEST_INVALID,
        path: 'entry',
        message: `entry: ${fault}`,
        ...place(['entry']),
      });
  }
  for (const [index, asset] of (manifest.assets ?? []).entries()) {
    const fault = await fileFault(directory, asset);
    if (fault === undefined) continue;
    problems.push({
      code: ErrorCode.ASSET_NOT_FOUND,
      path: `assets[${index}]`,
      message: fault,
      ...place(['assets', index]),
    });
  }
  const own = new Set(manifest.customHooks.map((hook) => hook.name));
  for (const [hook, declared] of Object.entries(manifest.hooks)) {
    if (!isBuiltInHook(hook) && !own.has(hook)) {
      if (LATER_HOOKS.has(hook)) continue;
      const message = `the hook '${hook}' is not built in; it runs only where the configuration or an embedder declares it.`;
      notices.push({ code: 'UNKNOWN_HOOK', message, ...place(['hooks', hook]) });
    }
    for (const fault of checkConditions(hook, declared.conditions ?? [])) {
      const path = `hooks.${hook}.conditions`;
      problems.push({
        ...fault,
        code: ErrorCode.MANIFEST_INVALID,
        path,
        ...place(['hooks', hook, 'conditions']),
      });
    }
  }
  return { problems: sortProblems(problems), notices, loaded: read };
}

/** Why a path of the package cannot be used: not there, no file, or a link that leads out. */
async function fileFault(directory: string, path: string): Promise<string | undefined> {
  const full = join(directory, path);
  const found = await stat(full).catch(() => undefined);
  if (found === undefined) return `expected the file '${path}' in the package, and it is not there.`;
  if (!found.isFile()) return `expected a file at '${path}', found something else.`;
  const [root, target] = await Promise.all([realpath(directory), realpath(full)]);
  return target.startsWith(root + sep) ? undefined : `'${path}' is a link that leads out of the package.`;
}
