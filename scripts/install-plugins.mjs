#!/usr/bin/env node
// Gives each package under plugins/ an environment of its own: <plugins_dir>/<id>/<version>-<key>/ with its own
// node_modules, and <plugins_dir>/<id>/current pointing at it. Needs the packages installed and built, and no network.
// Run it again at any time: what is current is left alone. Two runs at once, and a kill at any moment, leave each plugin
// with its old environment or its new one.
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { installPlugin } from './install-plugins/install-plugin.mjs';
import { InstallError } from './install-plugins/install-error.mjs';
import { clearStaging } from './install-plugins/staging.mjs';
import { readWorkspace } from './install-plugins/workspace.mjs';

const USAGE = `Usage: node scripts/install-plugins.mjs [options]

  --root <dir>         the workspace; default: the one that this script is in
  --plugins-dir <dir>  where environments go; default: .bulkhead/plugins in the workspace
  --frozen             build nothing: fail when an environment is missing or not the current one
  --json               print one JSON object as the last line of stdout
`;

function readOptions() {
  const { values } = parseArgs({
    options: {
      root: { type: 'string', default: join(import.meta.dirname, '..') },
      'plugins-dir': { type: 'string' },
      frozen: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const root = resolve(values.root);
  return {
    ...values,
    root,
    pluginsDir: resolve(values['plugins-dir'] ?? join(root, '.bulkhead', 'plugins')),
  };
}

async function main(options) {
  const started = performance.now();
  const workspace = await readWorkspace(options.root);
  if (!options.frozen) await clearStaging(options.pluginsDir);
  const results = [];
  const failures = [];
  for (const name of await packagesIn(join(options.root, 'plugins'))) {
    try {
      const result = await installPlugin(workspace, join(options.root, 'plugins', name), options);
      results.push(result);
      process.stderr.write(`${result.name} ${result.version}: ${said(result)}\n`);
    } catch (error) {
      if (!(error instanceof InstallError)) throw error;
      failures.push({ plugin: name, message: error.message });
      process.stderr.write(`${name}: ${error.message}\n`);
    }
  }
  if (options.json) {
    const ms = Math.round(performance.now() - started);
    process.stdout.write(
      `${JSON.stringify({ plugins_dir: options.pluginsDir, plugins: results, failures, ms })}\n`,
    );
  }
  return failures.length === 0 ? 0 : 1;
}

function said({ status, packages, ms }) {
  if (status === 'current') return 'up to date';
  if (status === 'activated') return 'an environment that was there is current again';
  return `environment built with ${String(packages)} ${packages === 1 ? 'dependency' : 'dependencies'} in ${String(ms)} ms`;
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
  if (!isUsage && !(error instanceof InstallError)) throw error;
  process.stderr.write(`${error.message}\n${isUsage ? `\n${USAGE}` : ''}`);
  process.exitCode = isUsage ? 2 : 1;
}
