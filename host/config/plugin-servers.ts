import type { PluginConfig, UpstreamConfig } from './config.js';
import type { Report } from './report.js';

/** As for servers under `mcp_servers`, in milliseconds. */
const START_TIMEOUT_MS = 15_000;
const CALL_TIMEOUT_MS = 60_000;

/** The MCP servers that enabled plugins contribute; each is an upstream named `<entry>.<server>`. */
export function pluginServers(
  plugins: readonly PluginConfig[],
  report: Report,
): readonly Extract<UpstreamConfig, { transport: 'plugin' }>[] {
  const entries = new Set(plugins.map(({ name }) => name));
  return plugins
    .filter(({ enabled }) => enabled)
    .flatMap((plugin) =>
      plugin.manifest.contributions.mcpServers.flatMap(({ name: server, command }) => {
        const keys = ['plugins', plugin.name];
        const name = `${plugin.name}.${server}`;
        if (command === undefined) {
          report.notice(
            'NOT_YET_USED',
            keys,
            `its MCP server '${server}' has no command; servers by url are not used yet.`,
            plugin.name,
          );
          return [];
        }
        if (entries.has(name) || plugin.name.includes('__')) {
          report.problem(
            keys,
            `its MCP server '${server}' would be named '${name}', which another entry is named, or which has a double underscore; give the entry another name.`,
          );
          return [];
        }
        const bounds = { startTimeoutMs: START_TIMEOUT_MS, callTimeoutMs: CALL_TIMEOUT_MS };
        return [{ name, ...bounds, transport: 'plugin', plugin: plugin.name, server } as const];
      }),
    );
}
