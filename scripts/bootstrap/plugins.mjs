import { join } from 'node:path';
import { ROOT, step } from './step.mjs';

const INSTALLER = join(ROOT, 'scripts', 'install-plugins.mjs');

/**
 * Gives each plugin an environment of its own; the installer skips those that are current.
 * @param {string} node
 * @param {boolean} frozen refuse what differs from plugins.lock.json; else the lock takes it
 */
export async function installPlugins(node, frozen) {
  await step('Setting up plugin environments', node, [INSTALLER, ...(frozen ? ['--frozen'] : [])]);
}
