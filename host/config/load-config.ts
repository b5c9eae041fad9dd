import { existsSync } from 'node:fs';
import { dirname, join, parse, resolve } from 'node:path';
import { ErrorCode } from '@bulkhead/proto';
import { treeAt, treeFromValue, type SourceTree } from '../manifest/source-tree.js';
import { EMPTY } from './merge.js';
import { readTree } from './read-tree.js';
import { createReport } from './report.js';
import { configInvalid } from './config-invalid.js';
import type { LoadedConfig, ResolveOptions } from './loaded-config.js';
import { resolveLayers } from './resolve-layers.js';

/**
 * Reads bulkhead.yaml, its overlay for the environment and what belongs to it.
 *
 * @throws BulkheadError CONFIG_INVALID with every problem, each with file, line and key
 */
export async function loadConfig(options: ResolveOptions & { readonly file: string }): Promise<LoadedConfig> {
  const file = resolve(options.file);
  const report = createReport(() => EMPTY);
  const base = await readTree(file, 'bulkhead.yaml');
  if (base.kind === 'absent') {
    throw configInvalid(file, [
      { code: ErrorCode.CONFIG_INVALID, message: 'there is no such file. `bulkhead init` writes one.', file },
    ]);
  }
  if (base.kind === 'failed') throw configInvalid(file, base.problems);
  const named = treeAt(base.tree, ['environment']);
  const environment =
    options.environment ??
    (named?.kind === 'value' && typeof named.value === 'string' ? named.value : 'production');
  const layers = [base.tree];
  const files = [file];
  const { dir, name, ext } = parse(file);
  const overlayFile = join(dir, `${name}.${environment}${ext}`);
  if (/^[a-z0-9-]+$/.test(environment) && existsSync(overlayFile)) {
    const overlay = await readTree(overlayFile, `overlay ${environment}`);
    if (overlay.kind === 'failed') report.problems.push(...overlay.problems);
    if (overlay.kind === 'read') {
      const own = treeAt(overlay.tree, ['environment']);
      if (own !== undefined)
        report.problem(
          ['environment'],
          'an overlay cannot change the environment that chose it.',
          undefined,
          own.origin,
        );
      layers.push(overlay.tree);
      files.push(overlayFile);
    }
  }
  if (report.problems.length > 0) throw configInvalid(file, report.problems);
  return resolveLayers(layers, files, dirname(file), options);
}

/**
 * The same for an embedder that passes an object; relative paths count from `baseDirectory`.
 *
 * @throws BulkheadError CONFIG_INVALID with every problem, each with its key
 */
export async function resolveConfig(
  object: unknown,
  options: ResolveOptions & { readonly baseDirectory: string },
): Promise<LoadedConfig> {
  let tree: SourceTree;
  try {
    tree = treeFromValue(object, { layer: 'configuration object' });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw configInvalid('the configuration', [{ code: ErrorCode.CONFIG_INVALID, message }]);
  }
  return resolveLayers([tree], [], options.baseDirectory, options);
}
