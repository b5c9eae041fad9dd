import { join } from 'node:path';
import { ROOT, step } from './step.mjs';

const INSTALLER = join(ROOT, 'scripts', 'install-plugins.mjs');

/** Gives each plugin an environment of its own; the installer skips those that are current. */
export async function installPlugins(node) {
  await step('Setting up plugin environments', node, [INSTALLER]);
}
