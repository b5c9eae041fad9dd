import { BulkheadError, ErrorCode, isBulkheadError } from '@bulkhead/proto';
import { stringifyJson, type JsonObject } from '@bulkhead/proto/json';
import type { Clock } from '../clock.js';
import type { HookPort } from '../dispatch/hook-port.js';
import type { Approvals } from './approvals/approvals.js';
import type { PolicySnapshot, ToolPolicies } from './policy.js';
import { tellProblems, type SchemaCheck } from '../schemas/schema-check.js';
import { createToolHooks } from './tool-hooks.js';
import { outcomeOf, type ToolReport } from './tool-report.js';
import { toolId, type Tool, type ToolAnswer, type ToolCall } from './tool.js';

export interface ToolRunnerOptions {
  readonly hooks: Pick<HookPort, 'listens' | 'invoke'>;
  /** What holds now. */
  readonly policies: () => ToolPolicies;
  readonly approvals: Pick<Approvals, 'require'>;
  readonly report: ToolReport;
  readonly schemas: Pick<SchemaCheck, 'problems'>;
  readonly clock: Clock;
}

/** Runs tools. Every call of every kind goes through here, whoever makes it. */
export interface ToolRunner {
  /**
   * Policy, permission, input, hooks, policy of what hooks made of it, approval, the tool, output, hooks; then audit and event.
   *
   * @returns a result of `tools/call`
   * @throws HookRefusal; TOOL_DENIED, FORBIDDEN, INVALID_ARGUMENT, APPROVAL_PENDING, APPROVAL_DENIED, TOOL_FAILED, CANCELLED,
   * and what the tool itself throws
   */
  call(call: ToolCall): Promise<JsonObject>;
}

/** Kept of a caller's time for its answer, when a call has waited for its approval in vain. */
const ANSWER_MARGIN_MS = 1_000;
/** `progress` of a waiting call is told in seconds. */
const SECOND_MS = 1_000;

type Schemas = ToolRunnerOptions['schemas'];

/** What becomes known of a call on its way. */
interface Progress {
  tool: Tool;
  policy: PolicySnapshot;
  approvalId?: string;
}

export function createToolRunner(options: ToolRunnerOptions): ToolRunner {
  const { policies, approvals, report, clock, schemas } = options;
  const hooks = createToolHooks(options.hooks);

  function approve(
    call: ToolCall,
    { policy, tool }: Progress,
    params: JsonObject,
    leftMs: number,
  ): Promise<string> {
    const { context, onProgress } = call;
    return approvals.require(
      {
        caller: call.caller,
        policy,
        ...(tool.runs === undefined ? {} : { runs: tool.runs }),
        args: stringifyJson(params['arguments'] ?? {}),
        ...(context.requestId === undefined ? {} : { requestId: context.requestId }),
        ...(call.approvalId === undefined ? {} : { approvalId: call.approvalId }),
      },
      {
        signal: call.signal,
        maxWaitMs: leftMs - ANSWER_MARGIN_MS,
        onWait: (id, waitedMs, ofMs) => {
          const message = `waits for an operator's approval ${id}`;
          onProgress?.({ progress: waitedMs / SECOND_MS, total: ofMs / SECOND_MS, message });
        },
      },
    );
  }

  async function run(call: ToolCall, at: Progress, startedMs: number): Promise<JsonObject> {
    assertAllowed(at.policy);
    assertMayUse(call, call.tool);
    call.tool.assertReady();
    await hooks.checkPermission(call);
    await assertInput(schemas, call.tool, call.params);
    const { params, headers } = await hooks.before(call);
    const name = params['name'] ?? call.tool.name;
    if (params !== call.params) {
      if (name !== call.tool.name) {
        at.tool = siblingOf(call.tool, name);
        at.policy = policies().judge(at.tool);
        assertAllowed(at.policy);
        // What a plugin makes of the name is the app's to use too.
        assertMayUse(call, at.tool);
      }
      await assertInput(schemas, at.tool, params);
    }
    const leftMs = (): number =>
      call.timeoutMs === undefined ? Infinity : call.timeoutMs - (clock.monotonic() - startedMs);
    if (at.policy.policy === 'require_approval') {
      at.approvalId = await approve(call, at, params, leftMs());
      // Much may have been decided while it waited.
      assertAllowed(policies().judge(at.tool));
    }
    const ownMs = leftMs();
    const answer = await at.tool.run(params, {
      signal: call.signal,
      context: { ...call.context, serverId: at.tool.server },
      headers: { ...call.headers, ...headers },
      ...(ownMs === Infinity ? {} : { timeoutMs: Math.max(1, Math.ceil(ownMs)) }),
      ...(call.upstreamCaller === undefined ? {} : { caller: call.upstreamCaller }),
      ...(call.onProgress === undefined ? {} : { onProgress: call.onProgress }),
    });
    await assertOutput(schemas, at.tool, answer);
    return hooks.after(call, name, answer.result);
  }

  return {
    async call(call) {
      const startedMs = clock.monotonic();
      const at: Progress = { tool: call.tool, policy: policies().judge(call.tool) };
      const tell = (ended: ReturnType<typeof outcomeOf>): void => {
        report({ call, ...at, ...ended, durationMs: clock.monotonic() - startedMs });
      };
      try {
        const result = await run(call, at, startedMs);
        tell({ outcome: result['isError'] === true ? 'tool_error' : 'ok' });
        return result;
      } catch (error) {
        tell(outcomeOf(error));
        throw error;
      }
    },
  };
}

function assertAllowed({ tool, policy, listed }: PolicySnapshot): void {
  if (policy !== 'deny') return;
  throw new BulkheadError(
    ErrorCode.TOOL_DENIED,
    listed
      ? `policy denies the tool '${tool}'`
      : `the tool '${tool}' is not exposed; an operator lists it under tools.expose`,
  );
}

function assertMayUse({ mayUse, caller }: ToolCall, { server, name }: Tool): void {
  if (mayUse?.(server, name) ?? true) return;
  throw new BulkheadError(
    ErrorCode.FORBIDDEN,
    `the app '${caller.appId ?? ''}' is not allowed the tool '${server}/${name.slice(0, 128)}'`,
  );
}

function siblingOf(tool: Tool, name: unknown): Tool {
  const sibling = typeof name === 'string' ? tool.sibling(name) : undefined;
  if (sibling !== undefined) return sibling;
  throw new BulkheadError(
    ErrorCode.INVALID_ANSWER,
    `tool_pre_invoke: '${tool.server}' has no tool '${String(name)}', which a plugin named in place of '${tool.name}'`,
  );
}

async function assertInput(schemas: Schemas, tool: Tool, params: JsonObject): Promise<void> {
  if (tool.input === undefined) return;
  const text = stringifyJson(params['arguments'] ?? {});
  const problems = await inSchema(tool, 'input', () =>
    schemas.problems(tool.input ?? {}, text, ErrorCode.INVALID_ARGUMENT, tool.owner?.name),
  );
  if (problems.length === 0) return;
  throw new BulkheadError(
    ErrorCode.INVALID_ARGUMENT,
    `arguments of '${toolId(tool)}': ${tellProblems(problems)}`,
    {
      problems,
    },
  );
}

async function assertOutput(schemas: Schemas, tool: Tool, { output }: ToolAnswer): Promise<void> {
  if (tool.output === undefined || output === undefined) return;
  const problems = await inSchema(tool, 'output', () =>
    schemas.problems(tool.output ?? {}, output, ErrorCode.TOOL_FAILED, tool.owner?.name),
  );
  if (problems.length === 0) return;
  throw new BulkheadError(
    ErrorCode.TOOL_FAILED,
    `'${toolId(tool)}' answered with what its schema does not allow: ${tellProblems(problems)}`,
    { problems },
  );
}

/** A schema that cannot be compiled, or takes too long, is the tool's fault. */
async function inSchema<T>(tool: Tool, which: string, check: () => Promise<T>): Promise<T> {
  try {
    return await check();
  } catch (error) {
    if (isBulkheadError(error)) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new BulkheadError(
      ErrorCode.TOOL_FAILED,
      `the ${which} schema of '${toolId(tool)}' cannot be used: ${why}`,
      {
        cause: error,
      },
    );
  }
}
