import { isAbsolute, relative, resolve } from 'node:path';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { PluginConfig } from '../config/config.js';
import type { LaunchProgram, WalledProgram } from '../sidecar/launch-program.js';
import type { PluginProcess } from '../sidecar/plugin-process.js';
import type { LaunchDescription } from '../sidecar/sidecar.js';
import type { ActivePlugin } from './active-plugin.js';

export interface PluginServersOptions {
  readonly active: () => readonly ActivePlugin[];
  readonly describe: (plugin: PluginConfig) => LaunchDescription;
  readonly launch: LaunchProgram;
  /** The Node that runs plugins, absolute. */
  readonly nodePath: string;
}

/** The MCP servers that plugins contribute, as processes. */
export interface PluginServers {
  /** @throws PLUGIN_UNAVAILABLE, PERMISSION_DENIED for a program outside the package without the grant `subprocess` */
  launch(plugin: string, server: string): Promise<PluginProcess>;
  /** Ends those of plugins that are no longer enabled. */
  sweep(): void;
}

export function createPluginServers(options: PluginServersOptions): PluginServers {
  const running = new Map<WalledProgram, PluginConfig>();
  const configOf = (name: string): PluginConfig | undefined =>
    options.active().find(({ config }) => config.name === name)?.config;

  return {
    async launch(name, server) {
      const config = configOf(name);
      const declared = config?.manifest.contributions.mcpServers.find((one) => one.name === server);
      if (config === undefined || declared?.command === undefined) {
        throw new BulkheadError(
          ErrorCode.PLUGIN_UNAVAILABLE,
          `plugin '${name}' is not enabled, or has no MCP server '${server}'`,
          { retryable: true },
        );
      }
      const program = programOf(config, declared.command, options.nodePath);
      const started = await options.launch({
        ...options.describe(config),
        ...program,
        command: [program.command, ...declared.args],
        // What an operator set for the plugin stands.
        env: { ...declared.env, ...config.env },
      });
      running.set(started, config);
      void started.life.exited.then(() => running.delete(started));
      return started.process;
    },
    sweep() {
      for (const [program, config] of running) {
        // Another configuration may be another wall, so it starts anew.
        if (configOf(config.name) !== config) void program.life.kill('its plugin was disabled or changed');
      }
    },
  };
}

/** `node` is the plugin's own Node; a path is a file of the package; anything else is a program of the host. */
function programOf(
  { name, directory, nodePath, granted }: PluginConfig,
  command: string,
  hostNode: string,
): { readonly command: string; readonly runtime: 'node' | 'other' } {
  if (command === 'node') return { command: nodePath ?? hostNode, runtime: 'node' };
  const path = resolve(directory, command);
  const inside = relative(directory, path);
  const ofPackage = command.startsWith('./') && !inside.startsWith('..') && !isAbsolute(inside);
  if (ofPackage) return { command: path, runtime: 'other' };
  if (granted.subprocess) return { command, runtime: 'other' };
  throw new BulkheadError(
    ErrorCode.PERMISSION_DENIED,
    `plugin '${name}' runs '${command}' as an MCP server, which is neither node nor a file of its package; that needs the grant 'subprocess'`,
    { field: 'subprocess' },
  );
}
