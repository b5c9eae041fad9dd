import { dirname, join, resolve } from 'node:path';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { isPlainObject } from '@bulkhead/proto/rules';
import { compileSchema, problemsFromAjv } from '@bulkhead/proto/rules/schema';
import { treeAt, valueOf, type SourceTree } from '../manifest/source-tree.js';
import type { BulkheadFile } from './bulkhead-file.js';
import { BULKHEAD_SCHEMA } from './bulkhead-schema.js';
import { EMPTY, mergeTrees, settle } from './merge.js';
import { namedListsAsMaps } from './named-lists.js';
import { readTree } from './read-tree.js';
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
const READ = ['environment', 'host', 'store', 'install'];
const SECTIONS = {
  $schema: BULKHEAD_SCHEMA['$schema'],
  type: 'object',
  properties: Object.fromEntries(
    Object.entries(isPlainObject(BULKHEAD_SCHEMA['properties']) ? BULKHEAD_SCHEMA['properties'] : {}).filter(
      ([key]) => READ.includes(key),
    ),
  ),
};
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
  let tree = await layer(file, 'bulkhead.yaml');
  if (tree === undefined) {
    throw new BulkheadError(
      ErrorCode.CONFIG_INVALID,
      `${file}: there is no such file. \`bulkhead init\` writes one.`,
    );
  }
  const named = treeAt(tree, ['environment']);
  const environment = named?.kind === 'value' && typeof named.value === 'string' ? named.value : 'production';
  if (/^[a-z0-9-]+$/.test(environment)) {
    const overlay = await layer(file.replace(/(\.[^.]+)$/, `.${environment}$1`), `overlay ${environment}`);
    if (overlay !== undefined)
      tree = mergeTrees(
        namedListsAsMaps(tree, () => undefined),
        namedListsAsMaps(overlay, () => undefined),
      );
  }
  const merged: SourceTree = mergeTrees(
    EMPTY,
    namedListsAsMaps(tree, () => undefined),
  );
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

/** undefined when there is none. @throws CONFIG_INVALID */
async function layer(file: string, name: string): Promise<SourceTree | undefined> {
  const read = await readTree(file, name);
  if (read.kind === 'absent') return undefined;
  if (read.kind === 'read') return read.tree;
  throw new BulkheadError(ErrorCode.CONFIG_INVALID, `${file} is not valid`, { problems: read.problems });
}
