import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

export const ROOT = join(import.meta.dirname, '..', '..');
export const INSTALLER = join(ROOT, 'scripts', 'install-plugins.mjs');

/** What the installer prints with --json. */
export interface Report {
  readonly plugins: readonly {
    readonly id: string;
    readonly name: string;
    readonly key: string;
    readonly path: string;
    readonly status: 'current' | 'activated' | 'built';
    readonly packages: number;
  }[];
  readonly failures: readonly { readonly plugin: string; readonly message: string }[];
}

export async function install(args: readonly string[]): Promise<Report> {
  const run = promisify(execFile)(process.execPath, [INSTALLER, '--json', ...args], { timeout: 60_000 });
  const { stdout } = await run.catch((error: unknown) => {
    if (error instanceof Error && 'stdout' in error && error.stdout !== '')
      return { stdout: String(error.stdout) };
    throw error;
  });
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Report;
}

/** A small workspace with one plugin `alpha` that depends on `outer`, which depends on `inner`. */
export interface SmallWorkspace extends AsyncDisposable {
  readonly root: string;
  readonly pluginsDir: string;
  /** The plugin's folder of environments. */
  readonly home: string;
  /** Writes the plugin's entry anew: another text, another key. */
  change(text: string): Promise<void>;
  write(path: string, text: string): Promise<void>;
  install(...args: readonly string[]): Promise<Report>;
}

const INTEGRITY = `sha512-${'A'.repeat(86)}==`;

export async function smallWorkspace(): Promise<SmallWorkspace> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'install-')));
  const write = async (path: string, text: string): Promise<void> => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  };
  const link = async (path: string, target: string): Promise<void> => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await symlink(join(root, target), join(root, path));
  };
  const change = (text: string): Promise<void> =>
    write(
      'plugins/alpha/dist/index.js',
      `import { definePlugin } from '@bulkhead/sdk';\nimport outer from 'outer';\nexport default definePlugin(() => outer + ${JSON.stringify(text)});\n`,
    );
  await write('pnpm-lock.yaml', lockfile(['inner@1.0.0', 'outer@2.0.0']));
  await write(
    'sdk/package.json',
    json({ name: '@bulkhead/sdk', version: '0.1.0', type: 'module', exports: { '.': './dist/index.js' } }),
  );
  await write('sdk/dist/index.js', 'export const definePlugin = (setup) => ({ setup });\n');
  await write('sdk/dist/bin.cjs', '');
  const slots = 'node_modules/.pnpm';
  await write(
    `${slots}/inner@1.0.0/node_modules/inner/package.json`,
    json({ name: 'inner', version: '1.0.0', main: 'index.js' }),
  );
  await write(`${slots}/inner@1.0.0/node_modules/inner/index.js`, `module.exports = 'inner';\n`);
  await write(
    `${slots}/outer@2.0.0/node_modules/outer/package.json`,
    json({ name: 'outer', version: '2.0.0', main: 'index.js' }),
  );
  await write(`${slots}/outer@2.0.0/node_modules/outer/index.js`, `module.exports = require('inner');\n`);
  await link(`${slots}/outer@2.0.0/node_modules/inner`, `${slots}/inner@1.0.0/node_modules/inner`);
  await link('plugins/alpha/node_modules/outer', `${slots}/outer@2.0.0/node_modules/outer`);
  await write('plugins/alpha/package.json', packageJson('0.1.0'));
  await write('plugins/alpha/plugin.yaml', 'id: dev.test.alpha\nversion: 0.1.0\n');
  await change('first');
  const pluginsDir = join(root, 'environments');
  return {
    root,
    pluginsDir,
    home: join(pluginsDir, 'dev.test.alpha'),
    change,
    write,
    install: (...args) => install(['--root', root, '--plugins-dir', pluginsDir, ...args]),
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  };
}

export function packageJson(version: string): string {
  return json({
    name: '@test/alpha',
    version,
    type: 'module',
    exports: { '.': './dist/index.js' },
    files: ['dist'],
    dependencies: { outer: '2.0.0' },
  });
}

export function lockfile(packages: readonly string[]): string {
  const entries = packages.map((name) => `  ${name}:\n    resolution: {integrity: ${INTEGRITY}}\n`);
  return `lockfileVersion: '9.0'\n\npackages:\n\n${entries.join('\n')}`;
}

function json(value: object): string {
  return JSON.stringify(value);
}
