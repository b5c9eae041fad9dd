import { randomUUID } from 'node:crypto';
import { ErrorCode, isBulkheadError } from '@bulkhead/proto';
import type { JsonObject } from '@bulkhead/proto/json';
import type { Clock } from '../clock.js';
import { HookRefusal } from '../dispatch/hook-refusal.js';
import type { EventOutbox } from '../events/outbox.js';
import type { Audit, AuditEntry } from '../telemetry/audit.js';
import type { Logger } from '../telemetry/logger.js';
import type { PolicySnapshot } from './policy.js';
import { EXECUTE_SCOPE } from './tool-hooks.js';
import { toolId, type Tool, type ToolCall } from './tool.js';

export interface ToolReportOptions {
  readonly audit: Audit;
  readonly clock: Clock;
  readonly log: Pick<Logger, 'warn'>;
  /** Absent: no events. */
  readonly events?: Pick<EventOutbox, 'publish'>;
}

/** How a call of a tool ended. */
export interface EndedCall {
  readonly call: ToolCall;
  /** What ran, or would have; hooks may have chosen another than the call named. */
  readonly tool: Tool;
  readonly policy: PolicySnapshot;
  readonly approvalId?: string;
  readonly durationMs: number;
  readonly outcome: 'ok' | 'tool_error' | 'denied' | 'pending' | 'error';
  readonly code?: string;
}

/** Tells audit log and subscribers of calls. */
export type ToolReport = (ended: EndedCall) => void;

/** Events that wait for the store; past it they are dropped, counted and said. */
const MAX_UNPUBLISHED = 1_000;
const TOPIC = 'plugin_tool.invoked';

export function createToolReport({ audit, events, clock, log }: ToolReportOptions): ToolReport {
  let unpublished = 0;
  let dropped = 0;

  function publish(data: JsonObject): void {
    if (events === undefined) return;
    if (unpublished >= MAX_UNPUBLISHED) {
      dropped += 1;
      return;
    }
    unpublished += 1;
    events
      .publish({ topic: TOPIC, dataJson: JSON.stringify(data) })
      .catch((error: unknown) => {
        log.warn({ err: error }, 'tools: an event could not be kept');
      })
      .finally(() => {
        unpublished -= 1;
        if (unpublished > 0 || dropped === 0) return;
        log.warn({ dropped }, `tools: ${TOPIC} events were dropped, more came than the store took`);
        dropped = 0;
      });
  }

  return (ended) => {
    const { call, tool, policy } = ended;
    const ofPlugin = call.caller.actor.kind === 'plugin';
    // An MCP client's call of an upstream's tool that nobody ruled on is the gateway's daily traffic.
    if (tool.kind === 'mcp' && !policy.listed && !ofPlugin) return;
    const details = { ...aboutOf(ended), call_id: randomUUID(), at: new Date(clock.now()).toISOString() };
    audit.note(auditEntry(ended, details));
    if (tool.kind === 'plugin') publish(withoutPeople(details));
  };
}

function auditEntry({ call, tool, outcome, code }: EndedCall, details: JsonObject): AuditEntry {
  const refused = outcome === 'denied' || outcome === 'pending';
  return {
    actor: call.caller.actor,
    action: 'tool.invoke',
    target: `tool/${toolId(tool)}`,
    outcome: refused ? 'denied' : outcome === 'error' ? 'error' : 'allowed',
    ...(code === undefined ? {} : { code }),
    ...(call.context.requestId === undefined ? {} : { requestId: call.context.requestId }),
    details,
  };
}

function aboutOf({ call, tool, policy, approvalId, durationMs, outcome, code }: EndedCall): JsonObject {
  const { caller, context } = call;
  return {
    tool: tool.name,
    server: tool.server,
    kind: tool.kind,
    scope: EXECUTE_SCOPE,
    caller: `${caller.actor.kind}/${caller.actor.id}`,
    policy: { ...policy },
    outcome,
    duration_ms: Math.round(durationMs),
    ...(code === undefined ? {} : { code }),
    ...(tool.owner === undefined
      ? {}
      : { plugin: tool.owner.name, plugin_id: tool.owner.id, version: tool.owner.version }),
    ...(context.requestId === undefined ? {} : { request_id: context.requestId }),
    ...(caller.appId === undefined ? {} : { app: caller.appId }),
    ...(caller.userId === undefined ? {} : { user: caller.userId }),
    ...(caller.tenantId === undefined ? {} : { tenant: caller.tenantId }),
    ...(approvalId === undefined ? {} : { approval_id: approvalId }),
  };
}

/** What of a call subscribers hear: whose user it is takes a grant of the context, which an event does not ask for. */
function withoutPeople({ user: _user, tenant: _tenant, ...rest }: JsonObject): JsonObject {
  return rest;
}

const REFUSED: ReadonlySet<string> = new Set([
  ErrorCode.TOOL_DENIED,
  ErrorCode.APPROVAL_DENIED,
  ErrorCode.FORBIDDEN,
  ErrorCode.QUOTA_EXCEEDED,
]);

/** What a thrown value says of how a call ended. */
export function outcomeOf(thrown: unknown): Pick<EndedCall, 'outcome' | 'code'> {
  if (thrown instanceof HookRefusal) return { outcome: 'denied', code: thrown.result.violation.code };
  if (!isBulkheadError(thrown)) return { outcome: 'error', code: ErrorCode.INTERNAL };
  const { code } = thrown;
  if (code === ErrorCode.APPROVAL_PENDING) return { outcome: 'pending', code };
  return { outcome: REFUSED.has(code) ? 'denied' : 'error', code };
}
