#!/usr/bin/env node
// Installs each package under plugins/ with the host's own installer, which `bulkhead plugin install` is too:
// <plugins_dir>/<id>/<version>-<key>/ with its own node_modules, and <plugins_dir>/<id>/current pointing at it, pinned in
// plugins.lock.json. Needs the packages installed and built. Run it again at any time: what is current is left alone.
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const USAGE = `Usage: node scripts/install-plugins.mjs [options]

  --root <dir>         the workspace; default: the one that this script is in
  --plugins-dir <dir>  where environments go; default: .bulkhead/plugins in the workspace
  --data-dir <dir>     where grants are written down; default: .bulkhead in the workspace
  --cache-dir <dir>    the store that environments share; default: .bulkhead/cache in the workspace
  --frozen             refuse any difference from plugins.lock.json
  --json               print one JSON object as the last line of stdout
`;

function readOptions() {
  const { values } = parseArgs({
    options: {
      root: { type: 'string', default: join(import.meta.dirname, '..') },
      'plugins-dir': { type: 'string' },
      'data-dir': { type: 'string' },
      'cache-dir': { type: 'string' },
      frozen: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const root = resolve(values.root);
  const place = (path, ...byDefault) =>
    path === undefined ? join(root, '.bulkhead', ...byDefault) : resolve(path);
  return {
    ...values,
    root,
    dataDir: place(values['data-dir']),
    pluginsDir: place(values['plugins-dir'], 'plugins'),
    cacheDir: place(values['cache-dir'], 'cache'),
  };
}

async function main({ root, dataDir, pluginsDir, cacheDir, frozen, json }) {
  const started = performance.now();
  const { openInstaller } = await import(dist('cli', 'open-installer.js'));
  const { parseSource } = await import(dist('install', 'source.js'));
  const cli = { cwd: root, env: process.env, err: (text) => process.stderr.write(text) };
  // The plugins of this repository are reviewed with it, so they get what they ask for.
  const { installer } = await openInstaller(
    cli,
    { dataDir, pluginsDir, cacheDir },
    { grant: ['all'], mayAsk: false },
  );
  const results = [];
  const failures = [];
  for (const name of await packagesIn(join(root, 'plugins'))) {
    const before = performance.now();
    try {
      const result = await installer.install(await parseSource(`./plugins/${name}`, root, root), {
        frozen,
        fresh: true,
      });
      const ms = Math.round(performance.now() - before);
      results.push({ ...result, name, key: result.path.split('-').at(-1), ms });
      process.stderr.write(`${name} ${result.version}: ${said(result, ms)}\n`);
    } catch (error) {
      if (error?.name !== 'BulkheadError') throw error;
      failures.push({ plugin: name, code: error.code, message: error.message });
      process.stderr.write(`${name}: ${error.code}: ${error.message}\n`);
    }
  }
  if (json) {
    const ms = Math.round(performance.now() - started);
    process.stdout.write(`${JSON.stringify({ plugins_dir: pluginsDir, plugins: results, failures, ms })}\n`);
  }
  return failures.length === 0 ? 0 : 1;
}

function said({ status, packages }, ms) {
  if (status === 'current') return 'up to date';
  if (status === 'activated') return 'an environment that was there is current again';
  return `environment built with ${packages} ${packages === 1 ? 'dependency' : 'dependencies'} in ${ms} ms`;
}

function dist(...path) {
  return pathToFileURL(join(import.meta.dirname, '..', 'host', 'dist', ...path)).href;
}

async function packagesIn(folder) {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => name)
    .toSorted();
}

try {
  const options = readOptions();
  if (options.help) process.stdout.write(USAGE);
  else process.exitCode = await main(options);
} catch (error) {
  const isUsage = error?.code?.startsWith?.('ERR_PARSE_ARGS') === true;
  if (!isUsage && error?.name !== 'BulkheadError') throw error;
  process.stderr.write(`${error.message}\n${isUsage ? `\n${USAGE}` : ''}`);
  process.exitCode = isUsage ? 2 : 1;
}
