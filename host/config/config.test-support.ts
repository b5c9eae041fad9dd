import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { isBulkheadError } from '@bulkhead/proto';
import { checkManifest } from '@bulkhead/proto/rules/schema';
import { onTestFinished } from 'vitest';
import { loadConfig, resolveConfig } from './load-config.js';
import type { LoadedConfig, ResolveOptions } from './loaded-config.js';
import type { FoundPlugin, PluginLookup } from './lookup.js';

/** A temporary folder with files; it goes when the test has ended. */
export interface Folder {
  readonly path: string;
  write(files: Readonly<Record<string, string>>): Promise<void>;
}

export async function createFolder(files: Readonly<Record<string, string>> = {}): Promise<Folder> {
  const path = await realpath(await mkdtemp(join(tmpdir(), 'bulkhead-config-')));
  const folder: Folder = {
    path,
    async write(more) {
      for (const [name, text] of Object.entries(more)) {
        await mkdir(dirname(join(path, name)), { recursive: true });
        await writeFile(join(path, name), text);
      }
    },
  };
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  await folder.write(files);
  return folder;
}

/** A plugin with the least manifest, and what the test says. */
export function plugin(manifest: Readonly<Record<string, unknown>>, directory = '/nowhere'): FoundPlugin {
  const name = String(manifest['name'] ?? 'guard');
  const checked = checkManifest({
    id: `com.example.${name}`,
    name,
    version: '1.0.0',
    maturity: 'stable',
    hooks: ['tool_pre_invoke', 'tool_post_invoke'],
    ...manifest,
  });
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  return { directory, manifest: checked.manifest, notices: [] };
}

/** Knows these plugins by name, and directories by the map. */
export function lookupOf(
  plugins: readonly FoundPlugin[],
  directories: Readonly<Record<string, FoundPlugin>> = {},
): PluginLookup {
  const missing = (what: string) => ({
    ok: false as const,
    problems: [{ code: 'PLUGIN_NOT_FOUND' as const, message: `no plugin is installed for '${what}'.` }],
  });
  return {
    byName(name) {
      const found = plugins.find(({ manifest }) => manifest.name === name || manifest.id === name);
      return found === undefined ? missing(name) : { ok: true, plugin: found };
    },
    async byDirectory(directory) {
      const found = directories[directory];
      return found === undefined ? missing(directory) : { ok: true, plugin: found };
    },
  };
}

export const VERSIONS = { app: '0.1.0', node: 'v24.21.0' };

export interface TestOptions extends Partial<ResolveOptions> {
  readonly plugins?: readonly FoundPlugin[];
  readonly directories?: Readonly<Record<string, FoundPlugin>>;
  readonly env?: Readonly<Record<string, string>>;
}

function full({
  plugins = [plugin({ name: 'guard' })],
  directories = {},
  env = {},
  ...options
}: TestOptions): ResolveOptions {
  return {
    catalog: async () => lookupOf(plugins, directories),
    readEnv: (name) => env[name],
    versions: VERSIONS,
    ...options,
  };
}

export async function load(folder: Folder, options: TestOptions = {}): Promise<LoadedConfig> {
  return loadConfig({ file: join(folder.path, 'bulkhead.yaml'), ...full(options) });
}

export async function resolve(object: unknown, options: TestOptions = {}): Promise<LoadedConfig> {
  return resolveConfig(object, { baseDirectory: '/base', ...full(options) });
}

/** `file:line path: message` of every problem; empty when there is none. */
export async function problemsOf(loading: Promise<LoadedConfig>, base = ''): Promise<readonly string[]> {
  const error: unknown = await loading.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error === undefined) return [];
  if (!isBulkheadError(error)) throw new Error('expected a BulkheadError', { cause: error });
  return error.problems.map(
    ({ file, line, path, message }) =>
      `${file === undefined ? '' : `${file.slice(base.length + 1)}:${line ?? ''} `}${path ?? ''}: ${message}`,
  );
}
