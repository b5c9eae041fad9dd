import type { Transport } from '@modelcontextprotocol/client';
import type { Clock } from '../clock.js';
import type { UpstreamConfig } from '../config/config.js';
import { scrubEnvironment } from './environment.js';
import { createHttpTransport } from './http-transport.js';
import type { Log } from './log.js';
import type { MessageStash } from './message-stash.js';
import type { Fetch } from '../sidecar/egress/granted-fetch.js';
import { spawnPlugin, type PluginProcess } from '../sidecar/plugin-process.js';
import { StdioTransport, type StdioOptions } from './stdio-transport.js';

/** Starts an MCP server that a plugin contributes, behind the plugin's wall. @throws PLUGIN_UNAVAILABLE, and as a start does */
export type LaunchPluginServer = (
  server: Extract<UpstreamConfig, { transport: 'plugin' }>,
) => Promise<PluginProcess>;

/** `fetch` under the network grant that the server's plugin has at each request. */
export type FetchOfPlugin = (server: Extract<UpstreamConfig, { transport: 'plugin-url' }>) => Fetch;

export interface RouteDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly hostEnv: Readonly<Record<string, string | undefined>>;
  readonly maxMessageBytes: number;
  readonly launchPluginServer: LaunchPluginServer;
  readonly fetchOfPlugin: FetchOfPlugin;
}

/** The way to one upstream, opened once. */
export interface Route {
  readonly transport: Transport;
  /** Only over stdio. */
  readonly process?: StdioTransport;
  /** Tells an HTTP server that its session is over; one that does not listen is left to its own limits. */
  endSession(): Promise<void>;
}

/** How long the last word to an HTTP server may take. */
const END_SESSION_MS = 1_000;

/** @param onSuspect an HTTP server may be gone */
export function openRoute(
  config: UpstreamConfig,
  deps: RouteDeps,
  stash: MessageStash,
  onSuspect: (reason: string) => void,
): Route {
  const { clock, maxMessageBytes } = deps;
  if (isByUrl(config)) {
    const { url, headers } = config;
    const ofPlugin = config.transport === 'plugin-url' ? { fetch: deps.fetchOfPlugin(config) } : {};
    const transport = createHttpTransport({ url, headers, maxMessageBytes, stash, onSuspect, ...ofPlugin });
    return {
      transport,
      endSession: () =>
        new Promise((resolve) => {
          const cancel = clock.after(END_SESSION_MS, resolve);
          void transport
            .terminateSession()
            .catch(() => {})
            .then(cancel)
            .then(resolve);
        }),
    };
  }
  const transport = new StdioTransport({ maxMessageBytes, clock, ...stdioOf(config, deps) });
  return { transport, process: transport, endSession: () => Promise.resolve() };
}

type ByUrl = Extract<UpstreamConfig, { readonly url: string }>;

/** Whether it is reached over HTTP, and no process of this host. */
export function isByUrl(config: UpstreamConfig): config is ByUrl {
  return config.transport === 'http' || config.transport === 'plugin-url';
}

function stdioOf(
  config: Exclude<UpstreamConfig, ByUrl>,
  { log, hostEnv, launchPluginServer }: RouteDeps,
): Pick<StdioOptions, 'open' | 'onStderr'> {
  // What a plugin's server writes to stderr is in the plugin's log.
  if (config.transport === 'plugin') return { open: () => launchPluginServer(config) };
  const { command, args, env, cwd, name } = config;
  return {
    open: () => spawnPlugin({ file: command, args, env: scrubEnvironment(hostEnv, env), cwd }),
    onStderr: (line) => {
      log.info({ upstream: name, stream: 'stderr' }, line);
    },
  };
}
