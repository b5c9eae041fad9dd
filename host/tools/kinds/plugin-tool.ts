import { stringifyJson } from '@bulkhead/proto/json';
import { ExecuteToolRequest, ExecuteToolResponse } from '@bulkhead/proto/plugin';
import type { ToolDeclaration } from '@bulkhead/proto/rules';
import { pluginContext } from '../../dispatch/plugin-context.js';
import type { ActivePlugin } from '../../lifecycle/active-plugin.js';
import { resultOfJson } from '../result.js';
import { readAnswer } from '../../sidecar/read-message.js';
import type { Tool } from '../tool.js';

const EXECUTE_TOOL = '/bulkhead.plugin.v1.ToolService/ExecuteTool';
/** As long as an MCP server has by default. */
const DEFAULT_TIMEOUT_MS = 60_000;

/** A tool that a plugin contributes; it runs in the plugin's process, under its limits. */
export function pluginTool({ config, port }: ActivePlugin, declared: ToolDeclaration): Tool {
  const { name, effect, input, output } = declared;
  const { id, version, contributions } = config.manifest;
  return {
    server: config.name,
    name,
    kind: 'plugin',
    owner: { name: config.name, id, version },
    runs: `${id} ${version}`,
    effect,
    input,
    ...(output === undefined ? {} : { output }),
    // A plugin that is down refuses the call itself.
    assertReady: () => {},
    async run(params, { signal, timeoutMs = DEFAULT_TIMEOUT_MS, context }) {
      const body = ExecuteToolRequest.encode({
        name,
        argsJson: stringifyJson(params['arguments'] ?? {}),
        context: pluginContext(config, context),
      }).finish();
      const answer = await port.call(EXECUTE_TOOL, body, {
        timeoutMs: Math.min(timeoutMs, DEFAULT_TIMEOUT_MS),
        signal,
      });
      return resultOfJson(
        readAnswer(ExecuteToolResponse, answer).resultJson,
        `tool '${name}' of plugin '${config.name}'`,
      );
    },
    sibling: (other) => {
      const found = contributions.tools.find((tool) => tool.name === other);
      return found === undefined ? undefined : pluginTool({ config, port }, found);
    },
  };
}
