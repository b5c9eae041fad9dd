import { parsePrivateRule } from '@bulkhead/proto/rules';
import type { BulkheadFile } from './bulkhead-file.js';
import { TOOL_POLICIES } from './bulkhead-schema-tools.js';
import type { PluginConfig, ToolPolicy, ToolsConfig } from './config.js';
import type { Report } from './report.js';

/** Between plugin or server and tool under /mcp; a name with it could be taken for another one. */
const JOINER = '__';

/** `tools`, and what in it cannot be meant. */
export function resolveTools(
  file: Pick<BulkheadFile, 'tools' | 'mcp_servers'>,
  plugins: readonly PluginConfig[],
  report: Report,
): ToolsConfig {
  const { tools } = file;
  const expose: Record<string, ToolPolicy> = {};
  for (const [index, { tool, policy }] of tools.expose.entries()) {
    const keys = ['tools', 'expose', index, 'tool'];
    expose[tool] = stricter(expose[tool], policy);
    const [owner, name] = splitTool(tool);
    const plugin = plugins.find((entry) => entry.name === owner);
    if (plugin === undefined) continue;
    const known = plugin.manifest.contributions.tools.map((contributed) => contributed.name);
    if (!known.includes(name)) {
      const there = known.length === 0 ? 'it contributes none' : `it contributes ${known.join(', ')}`;
      report.problem(keys, `plugin '${owner}' contributes no tool '${name}'; ${there}.`);
    } else if (owner in file.mcp_servers) {
      report.problem(
        keys,
        `'${owner}' is a plugin with tools and an MCP server; give one of them another name.`,
      );
    } else if (owner.includes(JOINER) || owner.endsWith('_')) {
      report.problem(
        keys,
        `the tools of '${owner}' cannot be named under /mcp: an entry with tools has no double underscore in its name and none at its end.`,
      );
    }
  }
  for (const [index, line] of tools.allow_private.entries()) {
    const parsed = parsePrivateRule(line);
    if (!parsed.ok) report.problem(['tools', 'allow_private', index], `${parsed.message}.`);
  }
  return {
    expose,
    approvalWaitMs: tools.approval_wait_ms,
    approvalValidMs: tools.approval_valid_ms,
    maxPendingApprovals: tools.max_pending_approvals,
    allowPrivate: tools.allow_private,
  };
}

/** `<owner>/<tool>`; a tool's own name may hold slashes. */
function splitTool(tool: string): readonly [string, string] {
  const at = tool.indexOf('/');
  return [tool.slice(0, at), tool.slice(at + 1)];
}

function stricter(one: ToolPolicy | undefined, other: ToolPolicy): ToolPolicy {
  return TOOL_POLICIES.find((policy) => policy === one || policy === other) ?? other;
}
