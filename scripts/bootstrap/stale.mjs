import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './step.mjs';

/** What tsc makes of one source. */
const OUTPUT = /(?:\.d\.ts|\.js|\.js\.map)$/;

/**
 * Removes what earlier builds made of sources that are no longer there: tsc leaves it, and what is packed and pinned must be
 * the same on every clone.
 */
export function removeStaleOutputs(root = ROOT) {
  for (const folder of packages(root)) {
    const dist = join(folder, 'dist');
    if (!existsSync(dist)) continue;
    for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !OUTPUT.test(entry.name)) continue;
      const output = join(entry.parentPath ?? entry.path, entry.name);
      const source = join(folder, output.slice(dist.length + 1).replace(OUTPUT, '.ts'));
      if (!existsSync(source)) rmSync(output);
    }
  }
}

function packages(root) {
  const plugins = join(root, 'plugins');
  const named = existsSync(plugins) ? readdirSync(plugins).map((name) => join(plugins, name)) : [];
  return ['proto', 'sdk', 'host'].map((name) => join(root, name)).concat(named);
}
