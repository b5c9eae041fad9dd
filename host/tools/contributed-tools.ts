import type { ToolDeclaration } from '@bulkhead/proto/rules';
import type { ActivePlugin } from '../lifecycle/active-plugin.js';
import { pluginTool } from './kinds/plugin-tool.js';
import type { ToolPolicies } from './policy.js';
import type { Tool } from './tool.js';

export interface ExposedTool {
  readonly tool: Tool;
  readonly declared: ToolDeclaration;
}

/** The tools that plugins contribute. */
export interface ContributedTools {
  /** Whether anybody may know of it or not. */
  find(plugin: string, name: string): Tool | undefined;
  /** Those that operators listed and did not deny, of plugins that are enabled. */
  exposed(): readonly ExposedTool[];
}

export function createContributedTools(
  active: () => readonly ActivePlugin[],
  policies: () => ToolPolicies,
): ContributedTools {
  return {
    find(plugin, name) {
      const owner = active().find(({ config }) => config.name === plugin);
      const declared = owner?.config.manifest.contributions.tools.find((tool) => tool.name === name);
      return owner === undefined || declared === undefined ? undefined : pluginTool(owner, declared);
    },
    exposed() {
      const judge = policies();
      return active().flatMap((plugin) =>
        plugin.config.manifest.contributions.tools.flatMap((declared) => {
          const tool = pluginTool(plugin, declared);
          return judge.shows(tool) ? [{ tool, declared }] : [];
        }),
      );
    },
  };
}
