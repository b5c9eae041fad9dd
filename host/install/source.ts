import { stat } from 'node:fs/promises';
import { basename, isAbsolute, relative, resolve, sep } from 'node:path';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import semver from 'semver';

/** Where a plugin comes from, as the lock writes it. Paths count from the folder of the lock. */
export type PluginSource =
  | { readonly kind: 'registry'; readonly name: string; readonly range: string; readonly publisher?: string }
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'tarball'; readonly path: string }
  /** One file of `bulkhead plugin bundle`; `name` is the package in it. */
  | { readonly kind: 'bundle'; readonly path: string };

const PACKAGE_NAME = /^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/;
const BUNDLE_SUFFIX = '.bulkhead.tgz';

/**
 * Reads what a person wrote after `plugin install`: `name`, `name@range`, `./folder`, `file.tgz`, `file.bulkhead.tgz`.
 *
 * @param from what relative paths count from; absolute
 * @param base the folder of the lock; absolute
 * @throws USAGE
 */
export async function parseSource(spec: string, from: string, base: string): Promise<PluginSource> {
  const looksLikePath = /^(?:\.{0,2}[/\\]|\.{1,2}$|~[/\\]|[A-Za-z]:[/\\])/.test(spec);
  if (looksLikePath || /\.(?:tgz|tar\.gz)$/.test(spec)) return parsePath(spec, from, base);
  const at = spec.lastIndexOf('@');
  const name = at > 0 ? spec.slice(0, at) : spec;
  const range = at > 0 ? spec.slice(at + 1) : 'latest';
  if (!PACKAGE_NAME.test(name) || !isRangeOrTag(range)) {
    throw new BulkheadError(
      ErrorCode.USAGE,
      `expected a package with a version range such as @scope/name@^1, a folder such as ./plugin, or a file.tgz; got '${spec}'. Git repositories and addresses are not taken.`,
    );
  }
  return { kind: 'registry', name, range };
}

async function parsePath(spec: string, from: string, base: string): Promise<PluginSource> {
  const path = resolve(from, spec.replace(/^file:/, ''));
  const found = await stat(path).catch(() => undefined);
  if (found === undefined)
    throw new BulkheadError(ErrorCode.USAGE, `expected a folder or a file at ${path}, found none.`);
  if (found.isDirectory()) return { kind: 'folder', path: portable(base, path) };
  if (basename(path).endsWith(BUNDLE_SUFFIX)) return { kind: 'bundle', path: portable(base, path) };
  return { kind: 'tarball', path: portable(base, path) };
}

/** A semver range or a dist-tag; nothing that names another place. */
export function isRangeOrTag(text: string): boolean {
  return semver.validRange(text) !== null || /^[A-Za-z][A-Za-z0-9._-]*$/.test(text);
}

/** As the lock writes a path: relative with forward slashes where it is below or beside the lock, so that a clone works anywhere. */
function portable(base: string, path: string): string {
  const inside = relative(base, path);
  if (isAbsolute(inside)) return path;
  const text = inside === '' ? '.' : inside.split(sep).join('/');
  return text.startsWith('.') ? text : `./${text}`;
}

/** The absolute path of a source that has one. */
export function sourcePath(source: Exclude<PluginSource, { kind: 'registry' }>, base: string): string {
  return resolve(base, source.path);
}

/** For a person: `@scope/name@^1`, `./folder`. */
export function describeSource(source: PluginSource): string {
  return source.kind === 'registry' ? `${source.name}@${source.range}` : source.path;
}
