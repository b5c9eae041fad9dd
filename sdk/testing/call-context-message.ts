import { stringifyJson, type JsonObject } from '@bulkhead/proto/json';
import type { CallContext, PipelineOutcome } from '@bulkhead/proto/plugin';
import type { User } from '@bulkhead/proto/rules';
import type { Outcome } from '../hook-context.js';
import { violationToWire } from '../runtime/wire-violation.js';

/** What the request of a test call is. Everything is optional. */
export interface TestContext {
  /** Calls with one request id share `ctx.state` and `ctx.shared`. Default: a new one for each call. */
  readonly requestId?: string;
  readonly tenantId?: string;
  readonly serverId?: string;
  readonly appId?: string;
  readonly contentType?: string;
  readonly user?: User;
  readonly headers?: Readonly<Record<string, string>>;
  readonly claims?: JsonObject;
  readonly traceparent?: string;
  /** How the request ended, for hooks in fire_and_forget. */
  readonly outcome?: Outcome;
  /** Deadline of the call in milliseconds. Default: the manifest's, else 5,000. */
  readonly timeoutMs?: number;
  /** Cancels the call as a caller that goes away would. */
  readonly signal?: AbortSignal;
}

/** The context as the host would send it: what the manifest's `permissions.context` does not name stays away. */
export function createContextMessage(
  requestId: string,
  context: TestContext,
  granted: readonly string[],
): CallContext {
  const { user } = context;
  const known = granted.includes('read_user');
  const roles = granted.includes('read_roles');
  return {
    requestId,
    tenantId: context.tenantId ?? '',
    serverId: context.serverId ?? '',
    appId: context.appId ?? '',
    contentType: context.contentType ?? '',
    user:
      user === undefined || !(known || roles)
        ? undefined
        : {
            id: known ? user.id : '',
            email: known ? (user.email ?? '') : '',
            team: known ? (user.team ?? '') : '',
            groups: roles ? [...(user.groups ?? [])] : [],
            roles: roles ? [...(user.roles ?? [])] : [],
          },
    headers: granted.includes('read_headers') ? { ...context.headers } : {},
    claimsJson:
      granted.includes('read_claims') && context.claims !== undefined ? stringifyJson(context.claims) : '',
    traceparent: context.traceparent ?? '',
    configJson: '',
  };
}

export function createOutcomeMessage(outcome: Outcome | undefined): PipelineOutcome | undefined {
  if (outcome === undefined) return undefined;
  return {
    allowed: outcome.allowed,
    deniedBy: outcome.deniedBy ?? '',
    violation: outcome.violation === undefined ? undefined : violationToWire(outcome.violation),
  };
}
