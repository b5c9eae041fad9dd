import { readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** A Node that a plugin brings along. */
export interface PluginNode {
  /** Absolute, links followed. */
  readonly path: string;
  readonly version: string;
}

/**
 * The Node in a plugin's own dependencies, if it declares one: a package `node-<os>-<arch>` that holds the binary
 * without an install script. Where it is there, the plugin's process runs on it.
 */
export async function findPluginNode(directory: string): Promise<PluginNode | undefined> {
  const system = process.platform === 'win32' ? 'win' : process.platform;
  const home = join(directory, 'node_modules', `node-${system}-${process.arch}`);
  const described = await readFile(join(home, 'package.json'), 'utf8').catch(() => undefined);
  if (described === undefined) return undefined;
  const binary = join(home, 'bin', system === 'win' ? 'node.exe' : 'node');
  if ((await stat(binary).catch(() => undefined))?.isFile() !== true) return undefined;
  const value: unknown = JSON.parse(described);
  const version =
    typeof value === 'object' && value !== null && 'version' in value ? value.version : undefined;
  return typeof version === 'string' ? { path: await realpath(binary), version } : undefined;
}
