import type { FastifyInstance } from 'fastify';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { parseJson, stringifyJson, type JsonObject, type JsonValue } from '@bulkhead/proto/json';
import { isPlainObject } from '@bulkhead/proto/rules';
import type { Command, Commands } from '../contributions/commands.js';
import type { HookPort } from '../dispatch/hook-port.js';
import { isObject } from '../tools/tool-hooks.js';
import type { GatewayRequest } from './gateway-request.js';
import { createHookedCalls } from './mcp/hooked-calls.js';
import { commandPrompt } from './mcp/plugin-items.js';

export interface CommandRoutesOptions {
  readonly hooks: HookPort;
  readonly commands: Commands;
  readonly requestOf: (raw: object) => GatewayRequest;
  readonly signalOf: (raw: object) => AbortSignal;
}

/** `GET /commands` and `POST /commands/<name>`. The hooks of prompts run around a command, as they do under /mcp. */
export function registerCommands(app: FastifyInstance, options: CommandRoutesOptions): void {
  const { commands } = options;
  const calls = createHookedCalls(options.hooks);

  app.get('/commands', (_request, reply) => {
    const all = commands.all();
    const shared = (name: string): boolean => all.filter((command) => command.name === name).length > 1;
    return reply.send({
      commands: all.map(({ name, qualifiedName, plugin, declared }) => ({
        name: shared(name) ? qualifiedName : name,
        plugin,
        description: declared.description,
        input: declared.input ?? { type: 'object' },
      })),
    });
  });

  app.post<{ Params: { name: string } }>('/commands/:name', async (http, reply) => {
    const command = commands.find(http.params.name);
    const args = http.body ?? {};
    if (!isPlainObject(args)) {
      throw new BulkheadError(
        ErrorCode.INVALID_ARGUMENT,
        "expected a JSON object with the command's arguments",
      );
    }
    const request = options.requestOf(http.raw);
    const text = await runHooked(command, stringifyJson(args), request, options.signalOf(http.raw));
    return reply.type('application/json; charset=utf-8').send(`{"result":${text}}`);
  });

  /** What the command answered, JSON text; where hooks changed the message, what they left of it. */
  async function runHooked(
    command: Command,
    args: string,
    request: GatewayRequest,
    signal: AbortSignal,
  ): Promise<string> {
    let answered = 'null';
    const prompt = commandPrompt(command, (json) => {
      answered = json;
    });
    const params: JsonObject = { name: command.name, arguments: parseJson(args) };
    const result = await calls.getPrompt(prompt, { request, params, upstream: { signal } });
    const value = parseJson(answered);
    const before = typeof value === 'string' ? value : stringifyJson(value);
    const after = messageOf(result);
    if (after === before) return stringifyJson(value);
    return typeof value === 'string' ? JSON.stringify(after) : stringifyJson(readJson(after));
  }
}

/** The text of a prompt's messages. */
function messageOf({ messages }: JsonObject): string {
  const list: readonly JsonValue[] = Array.isArray(messages) ? messages : [];
  return list
    .flatMap((message) => {
      const content = isObject(message) ? message['content'] : undefined;
      const text = isObject(content) ? content['text'] : undefined;
      return typeof text === 'string' ? [text] : [];
    })
    .join('\n');
}

function readJson(text: string): JsonValue {
  try {
    return parseJson(text);
  } catch {
    return text;
  }
}
