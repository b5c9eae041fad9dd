import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, readlink, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Published } from './registry.test-support.js';

export const CLI = join(import.meta.dirname, '..', '..', 'host', 'dist', 'cli', 'main.js');
const RUN_TIMEOUT_MS = 60_000;

export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** What `plugin install --json` says of one plugin. */
export interface Installed {
  readonly id: string;
  readonly version: string;
  readonly status: string;
  readonly path: string;
  readonly packages: number;
  readonly reason?: string;
}

/** A folder with a bulkhead.yaml, in which commands run as a user would run them. */
export interface TestProject extends AsyncDisposable {
  readonly folder: string;
  readonly pluginsDir: string;
  readonly env: Readonly<Record<string, string>>;
  write(path: string, text: string): Promise<string>;
  read(path: string): Promise<string>;
  run(...args: readonly string[]): Promise<Outcome>;
  /** `bulkhead plugin install … --json`, which has to work. */
  install(...args: readonly string[]): Promise<readonly Installed[]>;
  lock(): Promise<{
    readonly sdk: object;
    readonly plugins: Readonly<Record<string, Record<string, unknown>>>;
  }>;
  current(id: string): Promise<string | undefined>;
  /** Nothing is staged and nothing half-done is noted. */
  leftovers(): Promise<readonly string[]>;
}

export async function createProject(
  registry: string,
  config = 'environment: development\n',
): Promise<TestProject> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'project-')));
  const pluginsDir = join(folder, '.bulkhead', 'plugins');
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: join(folder, 'home'),
    NPM_CONFIG_REGISTRY: registry,
    npm_config_fetch_retries: '0',
  };
  const write = async (path: string, text: string): Promise<string> => {
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
    return file;
  };
  await write('bulkhead.yaml', config);
  await write('home/.npmrc', '');
  const run = (...args: readonly string[]): Promise<Outcome> =>
    new Promise((resolve) => {
      execFile(
        process.execPath,
        [CLI, ...args],
        { cwd: folder, env, timeout: RUN_TIMEOUT_MS },
        (error, out, err) => {
          resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, out, err });
        },
      );
    });
  return {
    folder,
    pluginsDir,
    env,
    write,
    run,
    read: (path) => readFile(join(folder, path), 'utf8'),
    async install(...args) {
      const { code, out, err } = await run('plugin', 'install', ...args, '--json');
      if (code !== 0) throw new Error(`install ended with ${code}: ${err}`);
      return (JSON.parse(out) as { plugins: readonly Installed[] }).plugins;
    },
    lock: async () =>
      JSON.parse(await readFile(join(folder, 'plugins.lock.json'), 'utf8')) as Awaited<
        ReturnType<TestProject['lock']>
      >,
    current: (id) => readlink(join(pluginsDir, id, 'current')).catch(() => undefined),
    async leftovers() {
      const staged = await readdir(join(pluginsDir, '.staging')).catch(() => []);
      const notes = await readdir(pluginsDir).catch((): string[] => []);
      return [...staged, ...notes.filter((name) => name === '.journal.json')];
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

export interface PluginWish {
  readonly name?: string;
  readonly version?: string;
  readonly id?: string;
  readonly entry?: string;
  /** Lines of plugin.yaml. */
  readonly manifest?: string;
  readonly described?: Readonly<Record<string, unknown>>;
  readonly code?: string;
  readonly files?: Readonly<Record<string, string>>;
}

/** A plugin that allows everything. */
export function pluginPackage(wish: PluginWish = {}): Published {
  const {
    name = '@test/guard',
    version = '1.0.0',
    id = 'dev.test.guard',
    entry = 'index.js',
    manifest = '',
  } = wish;
  return {
    name,
    version,
    described: {
      type: 'module',
      exports: './index.js',
      peerDependencies: { '@bulkhead/sdk': '^0.1.0' },
      ...wish.described,
    },
    files: {
      'plugin.yaml': `id: ${id}\nname: ${id.split('.').at(-1) ?? id}\nversion: ${version}\nentry: ${entry}\nhooks: [tool_pre_invoke]\n${manifest}`,
      'index.js':
        wish.code ??
        "import { definePlugin } from '@bulkhead/sdk';\nexport default definePlugin(() => ({ hooks: { tool_pre_invoke() {} } }));\n",
      ...wish.files,
    },
  };
}

/** Writes a package as a folder of a project. */
export async function writePackage(
  project: TestProject,
  folder: string,
  published: Published,
): Promise<string> {
  const { name, version, described, files } = published;
  await project.write(`${folder}/package.json`, JSON.stringify({ name, version, ...described }));
  for (const [path, text] of Object.entries(files)) await project.write(`${folder}/${path}`, text);
  return `./${folder}`;
}
