import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { FastifyRequest } from 'fastify';
import type { ApiCaller } from '../roles.js';
import type { FailedLogins } from './failed-logins.js';
import { isCsrfToken, type Session, type Sessions } from './sessions.js';
import type { TokenInfo, Tokens } from './tokens.js';

export interface AuthenticateOptions {
  readonly tokens: Pick<Tokens, 'find'>;
  readonly sessions: Sessions;
  readonly failures: FailedLogins;
}

export const SESSION_COOKIE = 'bulkhead_session';
export const CSRF_HEADER = 'x-csrf-token';
const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
const ADVICE = 'send `Authorization: Bearer <token>`; `bulkhead token create` makes one';

/** Who calls the control plane: the owner of a token, or of a session that a token opened. */
export function createAuthenticate({
  tokens,
  sessions,
  failures,
}: AuthenticateOptions): (request: FastifyRequest) => Promise<ApiCaller> {
  return async (request) => {
    const bearer = bearerOf(request);
    if (bearer !== undefined) {
      const token = await tokens.find(bearer);
      if (token !== undefined) return callerOf(token);
      throw await failures.add(request.ip, `expected a token that is in use; ${ADVICE}`);
    }
    const secret = sessionSecretOf(request);
    if (secret === undefined) throw failures.missing(request.ip, `expected a token; ${ADVICE}`);
    const session = await sessions.find(secret);
    if (session === undefined) throw await failures.add(request.ip, 'the session is over; log in again');
    assertCsrf(request, session);
    return callerOf(session.token);
  };
}

export function callerOf({ id, role }: TokenInfo): ApiCaller {
  return { actor: { kind: 'token', id }, role };
}

/** A browser sends the cookie whoever made it ask; only the page that read the session knows the header. */
export function assertCsrf(request: FastifyRequest, session: Session): void {
  if (SAFE_METHODS.has(request.method)) return;
  const sent = request.headers[CSRF_HEADER];
  if (typeof sent === 'string' && isCsrfToken(session, sent)) return;
  throw new BulkheadError(
    ErrorCode.FORBIDDEN,
    `expected the session's csrf_token in ${CSRF_HEADER}; GET /api/v1/session tells it`,
  );
}

function bearerOf({ headers }: FastifyRequest): string | undefined {
  const [, token] = /^Bearer +(\S{1,200})$/i.exec(headers.authorization ?? '') ?? [];
  return headers.authorization === undefined ? undefined : (token ?? '');
}

/** undefined without one. */
export function sessionSecretOf({ headers }: FastifyRequest): string | undefined {
  const [, secret] = /(?:^|; ?)bulkhead_session=([A-Za-z0-9_-]{43})(?:;|$)/.exec(headers.cookie ?? '') ?? [];
  return secret;
}
