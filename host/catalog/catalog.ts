import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ErrorCode, type Problem } from '@bulkhead/proto';
import { nearest } from '@bulkhead/proto/rules/schema';
import type { FoundPlugin, LookupResult, PluginLookup } from '../config/lookup.js';
import { readManifest, type ManifestRead } from '../manifest/load-manifest.js';
import { CLASS_NAMES } from './class-names.js';

/** A directory that holds a plugin, or something that was meant to be one. */
export type CatalogEntry =
  | ({ readonly ok: true } & FoundPlugin)
  | {
      readonly ok: false;
      readonly directory: string;
      readonly name: string;
      readonly problems: readonly Problem[];
    };

/** The plugins that are there. */
export interface Catalog extends PluginLookup {
  /** By directory, sorted; a broken manifest is an entry too. */
  readonly entries: readonly CatalogEntry[];
}

/** Manifests that are read at the same time. */
const READERS = 8;

/**
 * Looks through `<pluginsDir>/<id>/current` for installed plugins. A folder that is not there holds none. Further
 * directories come in when the configuration names them.
 */
export async function openCatalog(pluginsDir: string): Promise<Catalog> {
  const names = await readdir(pluginsDir).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return [];
    throw error;
  });
  const entries: CatalogEntry[] = [];
  const wanted = names.filter((name) => !name.startsWith('.')).sort();
  for (let start = 0; start < wanted.length; start += READERS) {
    const read = await Promise.all(
      wanted.slice(start, start + READERS).map((name) => readInstalled(pluginsDir, name)),
    );
    entries.push(...read.filter((entry) => entry !== undefined));
  }
  return createCatalog(entries);
}

async function readInstalled(pluginsDir: string, name: string): Promise<CatalogEntry | undefined> {
  const current = join(pluginsDir, name, 'current');
  const found = await stat(current).catch(() => undefined);
  if (found?.isDirectory() !== true) return undefined;
  // The version that is current now: a later swap of the link must not change what was checked.
  return entryOf(await realpath(current), name, await readManifest(await realpath(current)));
}

function entryOf(directory: string, name: string, read: ManifestRead): CatalogEntry {
  if (!read.ok) return { ok: false, directory, name, problems: read.problems };
  return { ok: true, directory, manifest: read.manifest, notices: read.notices };
}

/** A catalogue of entries that are known already. */
export function createCatalog(entries: readonly CatalogEntry[]): Catalog {
  return {
    entries,
    byName: (name) => findByName(entries, name),
    async byDirectory(directory) {
      const there = await stat(directory).catch(() => undefined);
      if (there?.isDirectory() !== true) {
        const message = `expected the directory of a plugin, and there is none at ${directory}.`;
        return { ok: false, problems: [{ code: ErrorCode.PLUGIN_NOT_FOUND, message }] };
      }
      const entry = entryOf(directory, basename(directory), await readManifest(directory));
      return entry.ok ? { ok: true, plugin: entry } : { ok: false, problems: entry.problems };
    },
  };
}

/** Whether a name in the configuration means one of these: an id, a manifest's name, a package's name. */
export function isNamed(wanted: string, names: readonly string[]): boolean {
  const meant = Object.hasOwn(CLASS_NAMES, wanted) ? CLASS_NAMES[wanted] : undefined;
  return names.some((name) => alike(name) === alike(meant ?? wanted));
}

function findByName(entries: readonly CatalogEntry[], wanted: string): LookupResult {
  const meant = Object.hasOwn(CLASS_NAMES, wanted) ? CLASS_NAMES[wanted] : undefined;
  const name = alike(meant ?? wanted);
  const matches = entries.filter((entry) => namesOf(entry).some((each) => alike(each) === name));
  const [match, ...more] = matches;
  const read = meant === undefined ? `'${wanted}'` : `the class '${wanted}', which is '${meant}' here`;
  if (match === undefined) {
    const known = entries.flatMap(namesOf);
    const suggestion = nearest(meant ?? wanted, known);
    const hint =
      suggestion === undefined
        ? 'Install it, or name its directory in `plugin:`.'
        : `Did you mean '${suggestion}'?`;
    return fail(ErrorCode.PLUGIN_NOT_FOUND, `no plugin is installed for ${read}. ${hint}`);
  }
  if (more.length > 0) {
    const places = matches
      .map((entry) => `${entry.ok ? entry.manifest.id : entry.name} in ${entry.directory}`)
      .join(' and ');
    return fail(
      ErrorCode.PLUGIN_AMBIGUOUS,
      `${read} fits more than one plugin: ${places}. Name one by its id.`,
    );
  }
  if (!match.ok) return { ok: false, problems: match.problems };
  return {
    ok: true,
    plugin:
      meant === undefined
        ? match
        : { ...match, alias: `class '${wanted}' is read as the plugin '${meant}'.` },
  };
}

function namesOf(entry: CatalogEntry): readonly string[] {
  if (!entry.ok) return [entry.name];
  const { id, name, packageName } = entry.manifest;
  return packageName === undefined ? [id, name] : [id, name, packageName];
}

/** `-` and `_` are alike, in any name. */
function alike(name: string): string {
  return name.replaceAll('_', '-').toLowerCase();
}

function fail(code: ErrorCode, message: string): LookupResult {
  return { ok: false, problems: [{ code, message }] };
}
