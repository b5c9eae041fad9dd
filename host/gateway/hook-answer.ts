import { JsonText, stringifyJson } from '@bulkhead/proto/json';
import type { InvokeResult, PluginRecord, RequestContext } from '../dispatch/invocation.js';
import { exposeViolation } from './exposure.js';

/**
 * The body of an answer of `POST /hooks/<hook>`. Fields that travelled as JSON text are put in as they are, so every
 * number keeps its digits. A refusal has no payload: nobody shall go on with what a guard did not let pass.
 */
export function hookAnswer(result: InvokeResult, believed: RequestContext, withDetails: boolean): string {
  const violation = result.allowed ? null : exposeViolation(result.violation, withDetails);
  return object([
    ['allowed', String(result.allowed)],
    ['payload', result.allowed ? payloadText(result.payload) : 'null'],
    ['changed_by', text(result.changedBy)],
    ['violation', text(violation)],
    ['context', text(contextOf(result.context.requestId, believed))],
    ['records', text(result.records.map(recordOf))],
    ['metadata', text(result.metadata)],
  ]);
}

function payloadText(payload: InvokeResult['payload']): string {
  return object(Object.entries(payload).map(([name, value]) => [name, text(value)]));
}

function object(members: readonly (readonly [string, string])[]): string {
  return `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`;
}

function text(value: unknown): string {
  return value instanceof JsonText ? value.text : stringifyJson(value);
}

/** What was believed of the caller's context; what is not here was not. */
function contextOf(requestId: string, context: RequestContext): Record<string, unknown> {
  const { tenantId, serverId, appId, contentType, user, claims } = context;
  return {
    request_id: requestId,
    ...(tenantId === undefined ? {} : { tenant_id: tenantId }),
    ...(serverId === undefined ? {} : { server_id: serverId }),
    ...(appId === undefined ? {} : { app_id: appId }),
    ...(contentType === undefined ? {} : { content_type: contentType }),
    ...(user === undefined ? {} : { user }),
    ...(claims === undefined ? {} : { claims }),
  };
}

function recordOf(record: PluginRecord): Record<string, unknown> {
  const { requestId, durationMs, ...rest } = record;
  return { request_id: requestId, ...rest, duration_ms: durationMs };
}
