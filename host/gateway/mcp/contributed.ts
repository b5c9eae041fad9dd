import type { JsonObject } from '@bulkhead/proto/json';
import type { Commands } from '../../contributions/commands.js';
import type { ExposedTool } from '../../tools/contributed-tools.js';
import type { HttpTools } from '../../tools/http-tools.js';
import type { Tool } from '../../tools/tool.js';
import type { Toolbox } from '../../tools/toolbox.js';
import type { ListMethod } from './lists.js';
import { joinName } from './names.js';
import { commandPrompt, promptItem, toolItem } from './plugin-items.js';
import type { PromptTarget } from './scope.js';

/** What plugins and the store add to MCP endpoints, and what policy takes away from them. */
export interface Contributed {
  /** Items of a list that have no upstream; names already joined. */
  items(method: ListMethod): readonly JsonObject[];
  tool(joined: string): Tool | undefined;
  /** The tool of an object of the store, once nothing else has that name. */
  objectTool(joined: string): Tool | undefined;
  /** Reads what the store has by now; before items or tools are asked for. Never rejects. */
  refresh(): Promise<void>;
  prompt(joined: string): PromptTarget | undefined;
  /** Whether clients may see an upstream's tool. */
  showsTool(server: string, name: string): boolean;
  /** Differs when clients may see other tools of upstreams. */
  rules(): string;
  /** Whether any tool of an upstream is hidden. */
  hidesToolsOf(server: string): boolean;
}

export interface ObjectToolsOptions {
  /** Default: there are none. */
  readonly httpTools?: Pick<HttpTools, 'exposed' | 'refresh'>;
  /** Whether an upstream has the name: nothing in the store takes it over. */
  readonly isTaken?: (joined: string) => boolean;
}

export function createContributed(
  { contributed, policies }: Pick<Toolbox, 'contributed' | 'policies'>,
  commands: Pick<Commands, 'all'>,
  { httpTools, isTaken }: ObjectToolsOptions = {},
): Contributed {
  /** As of the last refresh; for a whole list it is put together once. */
  let known: ReadonlyMap<string, ExposedTool> | undefined;
  const ofObjects = (): ReadonlyMap<string, ExposedTool> => (known ??= unclaimed());

  function unclaimed(): ReadonlyMap<string, ExposedTool> {
    const plugins = new Set(contributed.exposed().map(nameOf));
    const found = new Map<string, ExposedTool>();
    for (const exposed of httpTools?.exposed() ?? []) {
      const joined = nameOf(exposed);
      if (!found.has(joined) && !plugins.has(joined) && isTaken?.(joined) !== true)
        found.set(joined, exposed);
    }
    return found;
  }

  return {
    items(method) {
      switch (method) {
        case 'tools/list':
          known = undefined;
          return [...contributed.exposed(), ...ofObjects().values()].map(toolItem);
        case 'prompts/list':
          return commands.all().map(promptItem);
        default:
          return [];
      }
    },
    tool: (joined) =>
      contributed.exposed().find(({ tool }) => joinName(tool.server, tool.name) === joined)?.tool,
    objectTool: (joined) => ofObjects().get(joined)?.tool,
    refresh: async () => {
      await httpTools?.refresh();
      known = undefined;
    },
    prompt(joined) {
      const command = commands.all().find(({ plugin, name }) => joinName(plugin, name) === joined);
      return command === undefined ? undefined : commandPrompt(command);
    },
    showsTool: (server, name) => policies().shows({ server, name, kind: 'mcp' }),
    rules: () => policies().rules,
    hidesToolsOf: (server) => policies().hidesOf(server),
  };
}

function nameOf({ tool }: ExposedTool): string {
  return joinName(tool.server, tool.name);
}
