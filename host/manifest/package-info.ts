import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PackageInfo } from '@bulkhead/proto/rules/schema';

export interface PackageJson extends PackageInfo {
  /** The module that `exports` (or `main`) names for an import of the package, relative to its root. */
  readonly entry?: string;
}

/** What package.json says that a manifest may leave to it; undefined when the directory has none that can be read. */
export async function readPackageJson(directory: string): Promise<PackageJson | undefined> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8'));
  } catch {
    return undefined;
  }
  if (!isRecord(parsed)) return undefined;
  const entry = entryOf(parsed['exports']) ?? text(parsed['main']);
  return {
    ...optional('name', text(parsed['name'])),
    ...optional('version', text(parsed['version'])),
    ...optional('description', text(parsed['description'])),
    ...optional('entry', entry),
  };
}

/** The target of `exports` for `import '<package>'` in Node: a text, `"."`, or conditions in their order. */
function entryOf(exports: unknown): string | undefined {
  if (typeof exports === 'string') return exports;
  if (Array.isArray(exports)) return exports.map(entryOf).find((found) => found !== undefined);
  if (!isRecord(exports)) return undefined;
  if ('.' in exports) return entryOf(exports['.']);
  for (const [condition, target] of Object.entries(exports)) {
    if (
      condition !== 'import' &&
      condition !== 'node' &&
      condition !== 'default' &&
      condition !== 'module-sync'
    )
      continue;
    const found = entryOf(target);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function optional<K extends string>(key: K, value: string | undefined): { [P in K]?: string } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]: string });
}
