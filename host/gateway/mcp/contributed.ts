import type { JsonObject } from '@bulkhead/proto/json';
import type { Commands } from '../../contributions/commands.js';
import type { Tool } from '../../tools/tool.js';
import type { Toolbox } from '../../tools/toolbox.js';
import type { ListMethod } from './lists.js';
import { joinName } from './names.js';
import { commandPrompt, promptItem, toolItem } from './plugin-items.js';
import type { PromptTarget } from './scope.js';

/** What plugins add to MCP endpoints, and what policy takes away from them. */
export interface Contributed {
  /** Items of a list that have no upstream; names already joined. */
  items(method: ListMethod): readonly JsonObject[];
  tool(joined: string): Tool | undefined;
  prompt(joined: string): PromptTarget | undefined;
  /** Whether clients may see an upstream's tool. */
  showsTool(server: string, name: string): boolean;
  /** Differs when clients may see other tools of upstreams. */
  rules(): string;
  /** Whether any tool of an upstream is hidden. */
  hidesToolsOf(server: string): boolean;
}

export function createContributed(
  { contributed, policies }: Pick<Toolbox, 'contributed' | 'policies'>,
  commands: Pick<Commands, 'all'>,
): Contributed {
  return {
    items(method) {
      switch (method) {
        case 'tools/list':
          return contributed.exposed().map(toolItem);
        case 'prompts/list':
          return commands.all().map(promptItem);
        default:
          return [];
      }
    },
    tool: (joined) =>
      contributed.exposed().find(({ tool }) => joinName(tool.server, tool.name) === joined)?.tool,
    prompt(joined) {
      const command = commands.all().find(({ plugin, name }) => joinName(plugin, name) === joined);
      return command === undefined ? undefined : commandPrompt(command);
    },
    showsTool: (server, name) => policies().shows({ server, name, kind: 'mcp' }),
    rules: () => policies().rules,
    hidesToolsOf: (server) => policies().hidesOf(server),
  };
}
