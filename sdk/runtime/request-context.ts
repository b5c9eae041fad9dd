import { parseJson, type JsonObject } from '@bulkhead/proto/json';
import type { CallContext } from '@bulkhead/proto/plugin';
import { isPlainObject, type HeaderMap, type User } from '@bulkhead/proto/rules';
import type { RequestContext } from '../hook-context.js';
import type { IncomingCall } from './incoming.js';
import { WorkView, type CallEnvironment } from './work-context.js';

const NO_HEADERS: HeaderMap = Object.freeze({});
const optional = (text: string | undefined): string | undefined => (text === '' ? undefined : text);

/** What a call knows of the request that it belongs to, as the host sent it. */
export abstract class RequestView extends WorkView implements RequestContext<unknown> {
  get requestId(): string {
    return this.request()?.requestId ?? '';
  }

  get tenantId(): string | undefined {
    return optional(this.request()?.tenantId);
  }

  get serverId(): string | undefined {
    return optional(this.request()?.serverId);
  }

  get appId(): string | undefined {
    return optional(this.request()?.appId);
  }

  get contentType(): string | undefined {
    return optional(this.request()?.contentType);
  }

  get user(): User | undefined {
    const user = this.request()?.user;
    if (user === undefined) return undefined;
    return {
      id: user.id,
      ...(user.email === '' ? {} : { email: user.email }),
      ...(user.team === '' ? {} : { team: user.team }),
      ...(user.groups.length === 0 ? {} : { groups: user.groups }),
      ...(user.roles.length === 0 ? {} : { roles: user.roles }),
    };
  }

  get headers(): HeaderMap {
    return this.request()?.headers ?? NO_HEADERS;
  }

  get claims(): JsonObject | undefined {
    const text = this.request()?.claimsJson ?? '';
    return text === '' ? undefined : toObject(parseJson(text));
  }

  get traceparent(): string | undefined {
    return optional(this.request()?.traceparent) ?? optional(this.incoming.traceparent);
  }

  override get config(): unknown {
    return this.environment.configFor(this.request()?.configJson ?? '');
  }

  protected override logId(): string {
    return this.requestId;
  }

  protected abstract request(): CallContext | undefined;
}

/** The request of a call whose message is decoded already. */
export class ContributionView extends RequestView {
  readonly #request: CallContext | undefined;

  constructor(request: CallContext | undefined, incoming: IncomingCall, environment: CallEnvironment) {
    super(incoming, environment);
    this.#request = request;
  }

  protected override request(): CallContext | undefined {
    return this.#request;
  }
}

function toObject(value: unknown): JsonObject | undefined {
  return isPlainObject(value) ? (value as JsonObject) : undefined;
}
