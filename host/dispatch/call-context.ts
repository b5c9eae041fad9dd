import type { CallContext, User } from '@bulkhead/proto/plugin';
import { stringifyJson } from '@bulkhead/proto/json';
import type { RequestContext } from './invocation.js';
import type { ContextPermission } from './port.js';

/** What of a request a plugin may learn, as one number: plugins with the same grants share one message. */
export type ContextView = number;

const READ_USER = 1;
const READ_ROLES = 2;
const READ_CLAIMS = 4;
const READ_HEADERS = 8;

export function contextView(permissions: ReadonlySet<ContextPermission>): ContextView {
  return (
    (permissions.has('read_user') ? READ_USER : 0) |
    (permissions.has('read_roles') ? READ_ROLES : 0) |
    (permissions.has('read_claims') ? READ_CLAIMS : 0) |
    (permissions.has('read_headers') ? READ_HEADERS : 0)
  );
}

/** The context messages of one call, one per view; what a view may not see never gets into its message. */
export class CallContexts {
  readonly #requestId: string;
  readonly #context: RequestContext;
  #firstView = -1;
  #first: CallContext | undefined;
  #others: Map<ContextView, CallContext> | undefined;

  constructor(requestId: string, context: RequestContext) {
    this.#requestId = requestId;
    this.#context = context;
  }

  for(view: ContextView): CallContext {
    if (this.#first === undefined) {
      this.#firstView = view;
      this.#first = this.#make(view);
    }
    if (view === this.#firstView) return this.#first;
    this.#others ??= new Map();
    let message = this.#others.get(view);
    if (message === undefined) this.#others.set(view, (message = this.#make(view)));
    return message;
  }

  #make(view: ContextView): CallContext {
    const context = this.#context;
    return {
      requestId: this.#requestId,
      tenantId: context.tenantId ?? '',
      serverId: context.serverId ?? '',
      appId: context.appId ?? '',
      contentType: context.contentType ?? '',
      user: userFor(view, context.user),
      headers: (view & READ_HEADERS) !== 0 && context.headers !== undefined ? context.headers : {},
      claimsJson:
        (view & READ_CLAIMS) !== 0 && context.claims !== undefined ? stringifyJson(context.claims) : '',
      traceparent: context.traceparent ?? '',
      configJson: '',
    };
  }
}

function userFor(view: ContextView, user: RequestContext['user']): User | undefined {
  if (user === undefined || (view & (READ_USER | READ_ROLES)) === 0) return undefined;
  const known = (view & READ_USER) !== 0;
  const roles = (view & READ_ROLES) !== 0;
  return {
    id: known ? user.id : '',
    email: known ? (user.email ?? '') : '',
    team: known ? (user.team ?? '') : '',
    groups: roles ? [...(user.groups ?? [])] : [],
    roles: roles ? [...(user.roles ?? [])] : [],
  };
}

/** The traceparent when its sampled flag is set; a call outside a sampled trace carries none. */
export function sampledTraceparent(traceparent: string | undefined): string | undefined {
  if (traceparent === undefined) return undefined;
  const flags = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-([0-9a-f]{2})/.exec(traceparent)?.[1];
  return flags !== undefined && (Number.parseInt(flags, 16) & 1) === 1 ? traceparent : undefined;
}
