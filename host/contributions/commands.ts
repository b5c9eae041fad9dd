import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { RunCommandRequest, RunCommandResponse } from '@bulkhead/proto/plugin';
import type { CommandDeclaration } from '@bulkhead/proto/rules';
import type { RequestContext } from '../dispatch/invocation.js';
import { pluginContext } from '../dispatch/plugin-context.js';
import type { ActivePlugin } from '../lifecycle/active-plugin.js';
import { readAnswer } from '../sidecar/read-message.js';
import { resultOfJson } from '../tools/result.js';
import type { SchemaCheck } from '../schemas/schema-check.js';
import { assertSchema } from './plugin-call.js';

/** A command that a plugin contributes. */
export interface Command {
  /** Its own name. */
  readonly name: string;
  /** `<plugin>:<name>`, which no other command has. */
  readonly qualifiedName: string;
  /** The configured entry. */
  readonly plugin: string;
  readonly declared: CommandDeclaration;
  /**
   * @param args JSON text of an object
   * @throws INVALID_ARGUMENT, TOOL_FAILED, PLUGIN_UNAVAILABLE, and what the plugin throws
   */
  run(
    args: string,
    run: { readonly signal: AbortSignal; readonly context: RequestContext },
  ): Promise<{
    /** What it answered, JSON text. */
    readonly json: string;
    /** The same for people: a text as it is, all else as JSON. */
    readonly text: string;
  }>;
}

/** The commands of the plugins that are enabled. */
export interface Commands {
  all(): readonly Command[];
  /**
   * By its qualified name, or by its own where only one plugin has it.
   *
   * @throws NOT_FOUND, CONFLICT when several plugins have it
   */
  find(name: string): Command;
}

const RUN_COMMAND = '/bulkhead.plugin.v1.ToolService/RunCommand';
const TIMEOUT_MS = 60_000;

export function createCommands(
  active: () => readonly ActivePlugin[],
  schemas: Pick<SchemaCheck, 'problems'>,
): Commands {
  const all = (): readonly Command[] =>
    active().flatMap((plugin) =>
      plugin.config.manifest.contributions.commands.map((declared) => commandOf(plugin, declared, schemas)),
    );
  return {
    all,
    find(name) {
      const found = all();
      const qualified = found.find((command) => command.qualifiedName === name);
      if (qualified !== undefined) return qualified;
      const [only, ...others] = found.filter((command) => command.name === name);
      if (only === undefined)
        throw new BulkheadError(ErrorCode.NOT_FOUND, `no command '${name}'; GET /commands lists them`);
      if (others.length === 0) return only;
      const names = [only, ...others].map(({ qualifiedName }) => qualifiedName).join(', ');
      throw new BulkheadError(
        ErrorCode.CONFLICT,
        `several plugins have a command '${name}'; name one of ${names}`,
      );
    },
  };
}

function commandOf(
  { config, port }: ActivePlugin,
  declared: CommandDeclaration,
  schemas: Pick<SchemaCheck, 'problems'>,
): Command {
  const { name } = declared;
  return {
    name,
    qualifiedName: `${config.name}:${name}`,
    plugin: config.name,
    declared,
    async run(args, { signal, context }) {
      await assertSchema(
        schemas,
        declared.input,
        args,
        `arguments of /${name}`,
        ErrorCode.INVALID_ARGUMENT,
        config.name,
      );
      const body = RunCommandRequest.encode({
        name,
        argsJson: args,
        context: pluginContext(config, { ...context, serverId: config.name }),
      }).finish();
      const answer = await port.call(RUN_COMMAND, body, { timeoutMs: TIMEOUT_MS, signal });
      const json = readAnswer(RunCommandResponse, answer).resultJson || 'null';
      return { json, text: resultOfJson(json, `command '${name}' of plugin '${config.name}'`).text };
    },
  };
}
