import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isStamped, writeStamp } from './stamp.mjs';
import { removeStaleOutputs } from './stale.mjs';
import { ROOT, step } from './step.mjs';

const TSC = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
const BUNDLER = join(ROOT, 'sdk', 'build.mjs');

/** Compiles the packages (tsc itself skips what is current), then bundles the SDK's runner if its parts changed. */
export async function buildPackages(node) {
  await step('Building', node, [TSC, '-b']);
  removeStaleOutputs();
  if (!existsSync(BUNDLER)) return;
  const stamp = bundleState();
  if (isStamped('bundle', stamp)) return;
  await step("Bundling the SDK's runner", node, [BUNDLER]);
  writeStamp('bundle', bundleState());
}

/** tsc touches a .tsbuildinfo exactly when it wrote something. */
function bundleState() {
  const files = [
    'proto/dist/.tsbuildinfo',
    'sdk/dist/.tsbuildinfo',
    'sdk/build.mjs',
    'sdk/dist/bin.cjs',
    'sdk/dist/older-clients.cjs',
  ];
  return files
    .map((file) => {
      const stat = statSync(join(ROOT, file), { throwIfNoEntry: false });
      return `${file} ${stat?.size ?? 'missing'} ${stat?.mtimeMs ?? ''}`;
    })
    .join('\n');
}
