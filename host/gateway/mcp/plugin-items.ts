import { stringifyJson, type JsonObject } from '@bulkhead/proto/json';
import type { JsonSchemaObject } from '@bulkhead/proto/rules';
import type { Command } from '../../contributions/commands.js';
import { promptArguments, typedArguments } from '../../contributions/prompt-arguments.js';
import type { ExposedTool } from '../../tools/contributed-tools.js';
import { isObject } from '../../tools/tool-hooks.js';
import { joinName } from './names.js';
import type { PromptTarget } from './scope.js';

/** A plugin's tool as an item of `tools/list`. */
export function toolItem({ tool, declared }: ExposedTool): JsonObject {
  const { description, effect, output } = declared;
  return {
    name: joinName(tool.server, tool.name),
    ...(description === '' ? {} : { description }),
    inputSchema: objectSchema(declared.input),
    // The protocol knows structured results only as objects.
    ...(output !== undefined && output['type'] === 'object' ? { outputSchema: objectSchema(output) } : {}),
    annotations: { readOnlyHint: effect === 'read_only' },
  };
}

/** A plugin's command as an item of `prompts/list`. */
export function promptItem({ plugin, name, declared }: Command): JsonObject {
  return {
    name: joinName(plugin, name),
    ...(declared.description === '' ? {} : { description: declared.description }),
    arguments: promptArguments(declared.input),
  };
}

/**
 * A plugin's command as a prompt: getting it runs the command, and its result is the message.
 *
 * @param onResult hears what the command answered, JSON text, before hooks see the message
 */
export function commandPrompt(command: Command, onResult: (json: string) => void = () => {}): PromptTarget {
  const { plugin, name, declared } = command;
  return {
    server: plugin,
    name,
    // A plugin that is down refuses the call itself.
    assertReady: () => {},
    async get(params, { signal }, context) {
      const given = params['arguments'] ?? {};
      const args = isObject(given) ? typedArguments(declared.input, given) : given;
      const { json, text } = await command.run(stringifyJson(args), { signal, context });
      onResult(json);
      return {
        ...(declared.description === '' ? {} : { description: declared.description }),
        messages: [{ role: 'user', content: { type: 'text', text } }],
      };
    },
  };
}

function objectSchema(schema: JsonSchemaObject): JsonObject {
  return { ...(schema as JsonObject), type: 'object' };
}
