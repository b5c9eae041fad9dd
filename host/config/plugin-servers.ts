import type { McpServerDeclaration } from '@bulkhead/proto/rules';
import type { PluginConfig, UpstreamConfig } from './config.js';
import type { Report } from './report.js';

/** As for servers under `mcp_servers`, in milliseconds. */
const START_TIMEOUT_MS = 15_000;
const CALL_TIMEOUT_MS = 60_000;

/** An MCP server that a plugin contributes. */
export type PluginServerConfig = Extract<UpstreamConfig, { readonly plugin: string }>;

export function isPluginServer(config: UpstreamConfig): config is PluginServerConfig {
  return config.transport === 'plugin' || config.transport === 'plugin-url';
}

/** The servers of operators, and those that enabled plugins contribute: each is an upstream named `<entry>.<server>`. */
export function withPluginServers(
  servers: readonly UpstreamConfig[],
  plugins: readonly PluginConfig[],
  report: Report,
): readonly UpstreamConfig[] {
  const taken = new Set([...plugins, ...servers].map(({ name }) => name));
  const contributed = plugins
    .filter(({ enabled }) => enabled)
    .flatMap((plugin) =>
      plugin.manifest.contributions.mcpServers.flatMap((declared) => {
        const name = `${plugin.name}.${declared.name}`;
        const fault =
          taken.has(name) || plugin.name.includes('__')
            ? `would be named '${name}', which another entry or server is named, or which has a double underscore; give the entry another name.`
            : faultOf(declared);
        taken.add(name);
        if (fault === undefined) return [toUpstream(plugin.name, declared)];
        report.problem(['plugins', plugin.name], `its MCP server '${declared.name}' ${fault}`);
        return [];
      }),
    );
  return [...servers, ...contributed];
}

function faultOf({ command, url }: McpServerDeclaration): string | undefined {
  if ((command === undefined) === (url === undefined))
    return `${command === undefined ? 'has neither a command nor a url' : 'has a command and a url'}; its manifest must say one of them.`;
  const protocol = url === undefined ? undefined : URL.parse(url)?.protocol;
  return url === undefined || protocol === 'https:' || protocol === 'http:'
    ? undefined
    : `has the url '${url}', expected http:// or https://.`;
}

function toUpstream(
  plugin: string,
  { name: server, url, headers }: McpServerDeclaration,
): PluginServerConfig {
  const common = {
    name: `${plugin}.${server}`,
    startTimeoutMs: START_TIMEOUT_MS,
    callTimeoutMs: CALL_TIMEOUT_MS,
    plugin,
    server,
  };
  return url === undefined
    ? { ...common, transport: 'plugin' }
    : { ...common, transport: 'plugin-url', url, headers };
}
