import { dirname, join, resolve } from 'node:path';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { isPlainObject } from '@bulkhead/proto/rules';
import { compileSchema, problemsFromAjv } from '@bulkhead/proto/rules/schema';
import { valueOf } from '../manifest/source-tree.js';
import type { BulkheadFile } from './bulkhead-file.js';
import { schemaOfSections } from './bulkhead-schema.js';
import { settle } from './merge.js';
import { readMergedTree } from './read-merged-tree.js';
import { createReport } from './report.js';
import { absolute, resolveHost } from './resolve-sections.js';

/** What an installer needs of bulkhead.yaml: available although the plugins that it names are not installed yet. */
export interface InstallSettings {
  readonly environment: string;
  /** The folder of bulkhead.yaml. */
  readonly base: string;
  readonly dataDir: string;
  /** As bulkhead.yaml has it: references are not resolved. */
  readonly storeUrl?: string;
  readonly pluginsDir: string;
  readonly cacheDir: string;
  readonly onStart: 'locked' | 'never';
  /** Folders absolute. */
  readonly sources?: NonNullable<BulkheadFile['install']['sources']>;
  readonly unrunScripts: readonly string[];
  /** What each enabled entry calls its plugin. */
  readonly wanted: readonly string[];
}

type Sections = Pick<BulkheadFile, 'environment' | 'host' | 'store' | 'install'> & {
  readonly plugins?: unknown;
};

/** Only the sections that are read here: to compile the whole schema takes longer than an installer has to do. */
const SECTIONS = schemaOfSections(['environment', 'host', 'store', 'install']);
const validators: { sections?: ReturnType<typeof compileSchema<Sections>> } = {};

export interface InstallOverrides {
  readonly dataDir?: string;
  readonly pluginsDir?: string;
  readonly cacheDir?: string;
}

/**
 * Reads `environment`, `host` and `install` of a configuration and its overlay; what else is wrong in it is told by the start.
 *
 * @param file absolute
 * @throws CONFIG_INVALID when it cannot be read, or when what an installer needs of it is wrong
 */
export async function loadInstallSettings(
  file: string,
  overrides: InstallOverrides = {},
): Promise<InstallSettings> {
  const base = dirname(file);
  const merged = await readMergedTree(file);
  const parsed: unknown = valueOf(settle(merged).tree);
  validators.sections ??= compileSchema<Sections>(SECTIONS, { useDefaults: true, trusted: true });
  const check = validators.sections;
  if (!check(parsed)) {
    throw new BulkheadError(ErrorCode.CONFIG_INVALID, `${file} is not valid`, {
      problems: problemsFromAjv(check.errors ?? [], parsed, { code: ErrorCode.CONFIG_INVALID }).map(
        ({ keys, ...problem }) => ({ ...problem, file, path: keys.join('.') }),
      ),
    });
  }
  const host = resolveHost(
    parsed,
    base,
    createReport(() => merged),
  );
  const dataDir = overrides.dataDir ?? host.dataDir;
  const { on_start: onStart, sources, unrun_scripts: unrunScripts } = parsed.install;
  return {
    environment: parsed.environment,
    base,
    dataDir,
    ...(parsed.store.url === undefined ? {} : { storeUrl: parsed.store.url }),
    pluginsDir:
      overrides.pluginsDir ??
      (parsed.host.plugins_dir === undefined ? join(dataDir, 'plugins') : host.pluginsDir),
    cacheDir:
      overrides.cacheDir ?? (parsed.host.cache_dir === undefined ? join(dataDir, 'cache') : host.cacheDir),
    onStart,
    unrunScripts,
    wanted: wantedPlugins(parsed.plugins),
    ...(sources === undefined
      ? {}
      : {
          sources:
            sources.folders === undefined
              ? sources
              : { ...sources, folders: sources.folders.map((folder) => resolve(absolute(base, folder))) },
        }),
  };
}

/** What the enabled entries call their plugins. What is no entry is passed over: the start tells it. */
export function wantedPlugins(plugins: unknown): readonly string[] {
  if (!isPlainObject(plugins)) return [];
  return Object.entries(plugins).flatMap(([name, entry]) => {
    const { enabled, is_active: active, mode, plugin, kind } = isPlainObject(entry) ? entry : {};
    if ((enabled ?? active ?? true) !== true || mode === 'disabled') return [];
    const wanted = plugin ?? kind ?? name;
    return typeof wanted === 'string' ? [wanted] : [];
  });
}
