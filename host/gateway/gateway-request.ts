import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { User } from '@bulkhead/proto/rules';
import type { RequestContext } from '../dispatch/invocation.js';
import { flattenHeaders, withoutCredentials } from '../dispatch/request-headers.js';
import type { MayUseTool } from './allowed-tools.js';

/** Who makes a request, by its channel and credential. Without app and user: anonymous. */
export interface Identity {
  readonly appId?: string;
  readonly tenantId?: string;
  /** May say in `POST /hooks` who user and tenant are. */
  readonly assertContext: boolean;
  readonly user?: User;
  /** What the app may use of routes of plugins that ask for scopes. */
  readonly scopes?: readonly string[];
  /** Counts further requests, such as those of a batch, against its app. @throws BulkheadError RATE_LIMITED */
  readonly count?: (requests: number) => void;
  /** Whether its app may use a tool. Absent: every one. */
  readonly mayUseTool?: MayUseTool;
}

const REQUEST_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;
const ANONYMOUS: Identity = { assertContext: false };
let nextRequest = 0;

/** A request id that a caller may choose. */
export function isRequestId(value: unknown): value is string {
  return typeof value === 'string' && REQUEST_ID.test(value);
}

/** One request to the data plane, as the steps of the gateway see it. */
export class GatewayRequest {
  readonly requestId: string;
  readonly method: string;
  readonly path: string;
  readonly clientHost: string;
  readonly clientPort: number;
  readonly traceparent: string | undefined;
  /** Lower-case names; `http_pre_request` may have changed them. */
  headers: Readonly<Record<string, string>>;
  identity: Identity = ANONYMOUS;
  /** Whether the http hooks have begun on it; only then do they end on it. */
  hooked = false;
  /** Its hooks share their state with those of no other request, whatever id the caller chose. */
  readonly #stateScope = `request:${String(nextRequest++)}`;
  readonly #onEnd: (requestId: string, stateScope: string) => void;
  #holders = 1;

  constructor(raw: IncomingMessage, onEnd: (requestId: string, stateScope: string) => void) {
    this.headers = flattenHeaders(raw.headers);
    const given = this.headers['x-request-id'];
    this.requestId = isRequestId(given) ? given : randomUUID();
    this.method = raw.method ?? 'GET';
    this.path = (raw.url ?? '/').split('?', 1)[0] ?? '/';
    this.clientHost = raw.socket.remoteAddress ?? '';
    this.clientPort = raw.socket.remotePort ?? 0;
    const trace = this.headers['traceparent'];
    this.traceparent = trace !== undefined && TRACEPARENT.test(trace) ? trace : undefined;
    this.#onEnd = onEnd;
  }

  /** Headers that a plugin may see. */
  get visibleHeaders(): Record<string, string> {
    return withoutCredentials(this.headers);
  }

  /** Equal for all requests of one principal; a session belongs to it. */
  get principal(): string {
    const { appId, user } = this.identity;
    return JSON.stringify([appId ?? null, user?.id ?? null]);
  }

  /** What hooks are told of the request. */
  context(serverId?: string): RequestContext {
    const { appId, tenantId, user } = this.identity;
    const contentType = this.headers['content-type'];
    return {
      requestId: this.requestId,
      stateScope: this.#stateScope,
      headers: this.visibleHeaders,
      ...(serverId === undefined ? {} : { serverId }),
      ...(appId === undefined ? {} : { appId }),
      ...(tenantId === undefined ? {} : { tenantId }),
      ...(user === undefined ? {} : { user }),
      ...(contentType === undefined ? {} : { contentType }),
      ...(this.traceparent === undefined ? {} : { traceparent: this.traceparent }),
    };
  }

  /** Keeps the request's state after its HTTP answer, for work that goes on. */
  retain(): void {
    this.#holders += 1;
  }

  /** The HTTP answer is out, or the work that held it has ended. */
  release(): void {
    this.#holders -= 1;
    if (this.#holders === 0) this.#onEnd(this.requestId, this.#stateScope);
  }
}
