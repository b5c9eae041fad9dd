#!/usr/bin/env node
// What every npm script starts: makes the clone ready (packages, build, plugin environments), then does the task
// on the pinned Node. Plain JavaScript without a dependency, because on a fresh clone nothing else is there.
// Runs on Node 20 and newer.
import { join } from 'node:path';
import { buildPackages } from './bootstrap/build.mjs';
import { handOver } from './bootstrap/hand-over.mjs';
import { installPackages } from './bootstrap/packages.mjs';
import { findNode } from './bootstrap/pinned-node.mjs';
import { installPlugins } from './bootstrap/plugins.mjs';
import { ROOT, StepFailed } from './bootstrap/step.mjs';

const CLI = join(ROOT, 'host', 'dist', 'cli', 'main.js');
const VITEST = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
const PRETTIER = join(ROOT, 'node_modules', 'prettier', 'bin', 'prettier.cjs');

/** Reporters for `.ci/run`, which counts what ran. */
function reporters() {
  const file = process.env.BULKHEAD_TEST_REPORT;
  return file ? ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`] : [];
}

/** What each task needs before it, and the program that does it. */
const tasks = {
  start: { needs: ['build', 'plugins'], frozen: true, run: (args) => [CLI, 'start', ...args] },
  test: { needs: ['build', 'plugins'], run: (args) => [VITEST, 'run', ...reporters(), ...args] },
  'test:long': {
    needs: ['build', 'plugins'],
    run: (args) => [VITEST, 'run', ...args],
    env: { BULKHEAD_LONG_TESTS: '1' },
  },
  bench: { needs: ['build', 'plugins'], run: (args) => [CLI, 'bench', ...args] },
  build: { needs: ['build'] },
  // Locks the plugins of this repository as they are built now.
  lock: { needs: ['build'], run: (args) => [join(ROOT, 'scripts', 'install-plugins.mjs'), ...args] },
  check: { needs: ['build'], run: (args) => [join(ROOT, 'scripts', 'check.mjs'), ...args] },
  generate: { needs: [], run: (args) => [join(ROOT, 'scripts', 'generate.mjs'), ...args] },
  format: { needs: [], run: () => [PRETTIER, '--write', '--log-level', 'warn', '.'] },
};

async function main([name, ...args]) {
  const task = Object.hasOwn(tasks, name ?? '') ? tasks[name] : undefined;
  if (!task) {
    process.stderr.write(`Expected a task (${Object.keys(tasks).join(', ')}), got ${name ?? 'nothing'}.\n`);
    return 2;
  }
  await installPackages();
  const node = findNode();
  if (task.needs.includes('build')) await buildPackages(node);
  if (task.needs.includes('plugins'))
    await installPlugins(node, task.frozen === true || process.env.CI !== undefined);
  if (!task.run) return 0;
  return handOver(node, task.run(args), task.env ?? {});
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof StepFailed)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
