import { isAbsolute, relative, resolve } from 'node:path';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Clock } from '../clock.js';
import type { PluginConfig } from '../config/config.js';
import { createGrantedFetch, type Fetch } from '../sidecar/egress/granted-fetch.js';
import type { Refusal } from '../sidecar/egress/refusal.js';
import type { PluginIdentity } from '../sidecar/host-method.js';
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
  readonly clock: Clock;
  /** Hears of each request to a server by url that the plugin's network grant does not cover. */
  readonly onEgressRefused?: (
    plugin: Pick<PluginIdentity, 'name' | 'id' | 'version'>,
    refusal: Refusal,
  ) => void;
}

/** The MCP servers that plugins contribute: those by command as processes, those by url as a `fetch`. */
export interface PluginServers {
  /** @throws PLUGIN_UNAVAILABLE, PERMISSION_DENIED for a program outside the package without the grant `subprocess` */
  launch(plugin: string, server: string): Promise<PluginProcess>;
  /**
   * Asks on behalf of a plugin: under the network grant that it has at each request, and not once it is no longer enabled.
   * The promise rejects with PERMISSION_DENIED, PLUGIN_UNAVAILABLE, or as `fetch` does.
   */
  fetchOf(plugin: string): Fetch;
  /** Ends processes of plugins that are no longer enabled. */
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
        throw notEnabled(name, ` or has no MCP server '${server}' by command`);
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
    fetchOf(name) {
      let made: { readonly of: PluginConfig; readonly fetch: Fetch } | undefined;
      return (input, init) => {
        const config = configOf(name);
        if (config === undefined) return Promise.reject(notEnabled(name));
        // Another configuration may be another grant.
        if (made?.of !== config) made = { of: config, fetch: grantedFetch(config, options) };
        return made.fetch(input, init);
      };
    },
    sweep() {
      for (const [program, config] of running) {
        // Another configuration may be another wall, so it starts anew.
        if (configOf(config.name) !== config) void program.life.kill('its plugin was disabled or changed');
      }
    },
  };
}

function grantedFetch(
  { name, granted, networkPrivate, manifest }: PluginConfig,
  { clock, onEgressRefused }: PluginServersOptions,
): Fetch {
  const plugin = { name, id: manifest.id, version: manifest.version };
  return createGrantedFetch({
    grant: { allow: granted.network, allowPrivate: networkPrivate },
    clock,
    onRefused: (refusal) => onEgressRefused?.(plugin, refusal),
  });
}

function notEnabled(name: string, more = ''): BulkheadError {
  return new BulkheadError(ErrorCode.PLUGIN_UNAVAILABLE, `plugin '${name}' is not enabled${more}`, {
    retryable: true,
  });
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
