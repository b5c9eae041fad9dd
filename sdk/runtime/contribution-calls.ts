import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { stringifyJson } from '@bulkhead/proto/json';
import {
  CallRpcRequest,
  CallRpcResponse,
  ExecuteToolRequest,
  ExecuteToolResponse,
  RunCommandRequest,
  RunCommandResponse,
  RunScheduleRequest,
  RunScheduleResponse,
} from '@bulkhead/proto/plugin';
import { describe } from '@bulkhead/proto/rules';
import type { RpcCaller, ScheduleRunInfo } from '../contributions.js';
import { assertNotDenied, handleCall } from './handle-call.js';
import { ANY_SCHEDULE, type Implementation } from './implementation.js';
import type { IncomingCall } from './incoming.js';
import { ContributionView } from './request-context.js';
import { WorkView, type CallEnvironment } from './work-context.js';

type Handlers = Implementation['tools'];

/** Runs a tool that the plugin contributes. */
export function runTool(
  body: Uint8Array,
  incoming: IncomingCall,
  tools: Handlers,
  environment: CallEnvironment,
): Promise<Uint8Array> {
  const { name, argsJson, context } = ExecuteToolRequest.decode(body);
  const view = new ContributionView(context, incoming, environment);
  return run(`tool '${name}'`, tools.get(name), view, environment, readInput(argsJson, {}), (resultJson) =>
    ExecuteToolResponse.encode({ resultJson }).finish(),
  );
}

/** Runs a slash command that the plugin contributes. */
export function runCommand(
  body: Uint8Array,
  incoming: IncomingCall,
  commands: Handlers,
  environment: CallEnvironment,
): Promise<Uint8Array> {
  const { name, argsJson, context } = RunCommandRequest.decode(body);
  const view = new ContributionView(context, incoming, environment);
  return run(
    `command '${name}'`,
    commands.get(name),
    view,
    environment,
    readInput(argsJson, {}),
    (resultJson) => RunCommandResponse.encode({ resultJson }).finish(),
  );
}

/** Answers a call of one of the plugin's RPC methods. */
export function runRpc(
  body: Uint8Array,
  incoming: IncomingCall,
  methods: Handlers,
  environment: CallEnvironment,
): Promise<Uint8Array> {
  const { method, inputJson, caller } = CallRpcRequest.decode(body);
  const view = new RpcView(readCaller(caller), incoming, environment);
  return run(
    `RPC method '${method}'`,
    methods.get(method),
    view,
    environment,
    readInput(inputJson, null),
    (outputJson) => CallRpcResponse.encode({ outputJson }).finish(),
  );
}

/** Runs a schedule; answers when the run has ended. */
export function runSchedule(
  body: Uint8Array,
  incoming: IncomingCall,
  schedules: Handlers,
  environment: CallEnvironment,
): Promise<Uint8Array> {
  const { name, runId, fireMs, byHand, repeats } = RunScheduleRequest.decode(body);
  const what = `schedule '${name}'`;
  const handler = schedules.get(name) ?? schedules.get(ANY_SCHEDULE);
  if (handler === undefined) throw unknown(what);
  const view = new WorkView(incoming, environment);
  const info: ScheduleRunInfo = { name, runId, fireAtMs: Number(fireMs), byHand, repeats };
  return handleCall(
    what,
    () => view.log,
    environment,
    async () => {
      await handler(info, view);
      return RunScheduleResponse.encode({}).finish();
    },
  );
}

/** The context of an RPC method's call. */
class RpcView extends WorkView {
  readonly caller: RpcCaller;

  constructor(caller: RpcCaller, incoming: IncomingCall, environment: CallEnvironment) {
    super(incoming, environment);
    this.caller = caller;
  }
}

function run(
  what: string,
  handler: ((...args: readonly unknown[]) => unknown) | undefined,
  view: WorkView,
  environment: CallEnvironment,
  input: unknown,
  encode: (json: string) => Uint8Array,
): Promise<Uint8Array> {
  if (handler === undefined) throw unknown(what);
  return handleCall(
    what,
    () => view.log,
    environment,
    async () => {
      const result = assertNotDenied(what, environment.plugin, await handler(input, view));
      return encode(toJson(what, result));
    },
  );
}

/**
 * The handler is who the numbers are for, and it wants to reckon with them: here 10.0 is 10, where hooks, which pass on
 * what is somebody else's, keep its text.
 */
function readInput(text: string, none: unknown): unknown {
  if (text === '') return none;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new BulkheadError(ErrorCode.PROTOCOL_ERROR, 'the input is no JSON text', { cause: error });
  }
}

function toJson(what: string, result: unknown): string {
  try {
    if (typeof result !== 'function' && typeof result !== 'symbol') return stringifyJson(result);
  } catch (error) {
    throw new BulkheadError(ErrorCode.INVALID_ANSWER, `answer to ${what}: it cannot be written as JSON`, {
      cause: error,
    });
  }
  throw new BulkheadError(
    ErrorCode.INVALID_ANSWER,
    `answer to ${what}: expected a JSON value, got ${describe(result)}`,
  );
}

const KINDS: readonly RpcCaller['kind'][] = ['token', 'cli', 'user', 'app'];
const ROLES: readonly RpcCaller['role'][] = ['viewer', 'operator', 'admin'];

/** Whoever is not known to be more is a viewer. */
function readCaller(caller: CallRpcRequest['caller']): RpcCaller {
  return {
    kind: KINDS.find((kind) => kind === caller?.kind) ?? 'user',
    id: caller?.id ?? '',
    role: ROLES.find((role) => role === caller?.role) ?? 'viewer',
  };
}

function unknown(what: string): BulkheadError {
  return new BulkheadError(ErrorCode.UNKNOWN_METHOD, `this plugin has no ${what}`);
}
