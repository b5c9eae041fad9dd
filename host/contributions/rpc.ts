import { BulkheadError, ErrorCode, isBulkheadError } from '@bulkhead/proto';
import { isDeeperThan, MAX_JSON_DEPTH, parseJson } from '@bulkhead/proto/json';
import { CallRpcRequest, CallRpcResponse } from '@bulkhead/proto/plugin';
import type { RpcMethodDeclaration } from '@bulkhead/proto/rules';
import type { ActivePlugin } from '../lifecycle/active-plugin.js';
import { readAnswer } from '../sidecar/read-message.js';
import type { Actor, Audit, AuditEntry } from '../telemetry/audit.js';
import type { SchemaCheck } from '../schemas/schema-check.js';
import { assertSchema } from './plugin-call.js';

/** Who calls a method, as the listener found out. */
export interface RpcCallerInfo {
  readonly actor: Actor;
  /** viewer, operator or admin. */
  readonly role: string;
}

export interface RpcMethod {
  readonly declared: RpcMethodDeclaration;
  /**
   * @param input JSON text
   * @returns JSON text
   * @throws INVALID_ARGUMENT, INVALID_ANSWER, PLUGIN_UNAVAILABLE, and what the plugin throws
   */
  call(input: string, caller: RpcCallerInfo, signal: AbortSignal): Promise<string>;
}

/** The methods that plugins offer their pages and their operators. */
export interface PluginRpc {
  /** @param plugin its entry, or its id where only one entry has it. @throws NOT_FOUND, the same whatever is not there */
  find(plugin: string, method: string): RpcMethod;
}

const CALL_RPC = '/bulkhead.plugin.v1.RouteService/CallRpc';
const TIMEOUT_MS = 30_000;
const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;

export function createPluginRpc(
  active: () => readonly ActivePlugin[],
  audit: Pick<Audit, 'note'>,
  schemas: Pick<SchemaCheck, 'problems'>,
): PluginRpc {
  return {
    find(name, method) {
      const plugins = active();
      const named = plugins.filter(({ config }) => config.name === name);
      const [plugin, ...others] =
        named.length > 0 ? named : plugins.filter(({ config }) => config.manifest.id === name);
      const declared =
        others.length > 0
          ? undefined
          : plugin?.config.manifest.contributions.rpcMethods.find((one) => one.name === method);
      if (plugin === undefined || declared === undefined) {
        throw new BulkheadError(
          ErrorCode.NOT_FOUND,
          `no enabled plugin '${name}' has an RPC method '${method}'`,
        );
      }
      return rpcMethod(plugin, declared, audit, schemas);
    },
  };
}

function rpcMethod(
  { config, port }: ActivePlugin,
  declared: RpcMethodDeclaration,
  audit: Pick<Audit, 'note'>,
  schemas: Pick<SchemaCheck, 'problems'>,
): RpcMethod {
  const method = `${config.name}/${declared.name}`;

  async function run(input: string, { actor, role }: RpcCallerInfo, signal: AbortSignal): Promise<string> {
    await assertSchema(
      schemas,
      declared.input,
      input,
      `input of ${method}`,
      ErrorCode.INVALID_ARGUMENT,
      config.name,
    );
    const caller = { kind: actor.kind, id: actor.id, role };
    const body = CallRpcRequest.encode({ method: declared.name, inputJson: input, caller }).finish();
    const answer = await port.call(CALL_RPC, body, { timeoutMs: TIMEOUT_MS, signal });
    const output = readAnswer(CallRpcResponse, answer).outputJson || 'null';
    assertJson(output, method);
    await assertSchema(
      schemas,
      declared.output,
      output,
      `output of ${method}`,
      ErrorCode.INVALID_ANSWER,
      config.name,
    );
    return output;
  }

  return {
    declared,
    async call(input, caller, signal) {
      let code: string | undefined;
      try {
        return await run(input, caller, signal);
      } catch (error) {
        code = isBulkheadError(error) ? error.code : ErrorCode.INTERNAL;
        throw error;
      } finally {
        // What a viewer may ask changes nothing; all else may.
        if (declared.minRole !== 'viewer') {
          audit.note({
            actor: caller.actor,
            action: 'plugin.rpc',
            target: `rpc/${method}`,
            outcome: outcomeOf(code),
            ...(code === undefined ? {} : { code }),
            details: { role: caller.role, plugin_id: config.manifest.id, version: config.manifest.version },
          });
        }
      }
    },
  };
}

/** A plugin that refuses has worked; an error is one that did not. */
function outcomeOf(code: string | undefined): AuditEntry['outcome'] {
  if (code === undefined) return 'allowed';
  return code === ErrorCode.DENIED ? 'denied' : 'error';
}

function assertJson(text: string, method: string): void {
  const refuse = (what: string): BulkheadError =>
    new BulkheadError(ErrorCode.INVALID_ANSWER, `output of ${method}: ${what}`);
  if (Buffer.byteLength(text) > MAX_OUTPUT_BYTES) throw refuse(`more than ${String(MAX_OUTPUT_BYTES)} bytes`);
  if (isDeeperThan(text, MAX_JSON_DEPTH)) throw refuse(`more than ${String(MAX_JSON_DEPTH)} levels`);
  try {
    parseJson(text);
  } catch {
    throw refuse('expected JSON');
  }
}
