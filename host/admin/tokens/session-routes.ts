import type { FastifyInstance } from 'fastify';
import type { Audit } from '../../telemetry/audit.js';
import {
  assertCsrf,
  callerOf,
  SESSION_COOKIE,
  sessionSecretOf,
  type AuthenticateOptions,
} from './authenticate.js';
import type { Session } from './sessions.js';

export interface SessionRoutesOptions extends AuthenticateOptions {
  readonly audit: Audit;
  /** Whether browsers reach this listener over TLS. */
  readonly secure: boolean;
}

const PATH = '/api/v1/session';
const BODY = {
  type: 'object',
  additionalProperties: false,
  required: ['token'],
  properties: { token: { type: 'string', maxLength: 200 } },
};

/**
 * Browser sessions: `POST` a token and get a cookie that no script reads, `GET` who one is and the CSRF token, `DELETE`
 * it. They answer without a role, because a session is what one has before a role is asked for.
 */
export function addSessionRoutes(app: FastifyInstance, options: SessionRoutesOptions): void {
  const { tokens, sessions, failures, audit, secure } = options;
  const cookie = (value: string, maxAgeS: number): string =>
    [
      `${SESSION_COOKIE}=${value}`,
      'Path=/',
      'HttpOnly',
      'SameSite=Strict',
      `Max-Age=${maxAgeS}`,
      ...(secure ? ['Secure'] : []),
    ].join('; ');
  app.post<{ Body: { token: string } }>(PATH, { schema: { body: BODY } }, async (request, reply) => {
    const token = await tokens.find(request.body.token);
    if (token === undefined) throw await failures.add(request.ip, 'expected a token that is in use');
    const session = await sessions.open(token);
    audit.note({
      actor: callerOf(token).actor,
      action: 'login',
      target: request.ip,
      outcome: 'allowed',
      details: { role: token.role },
    });
    await reply
      .header('set-cookie', cookie(session.secret, Math.floor(session.lifetimeMs / 1_000)))
      .code(201)
      .send(show(session));
  });
  app.get(PATH, async (request) => {
    const session = await find(request);
    return show(session);
  });
  app.delete(PATH, async (request, reply) => {
    const session = await find(request);
    assertCsrf(request, session);
    await sessions.close(sessionSecretOf(request) ?? '');
    await reply.header('set-cookie', cookie('', 0)).code(204).send();
  });
  const find = async (request: Parameters<typeof sessionSecretOf>[0]): Promise<Session> => {
    const secret = sessionSecretOf(request);
    if (secret === undefined) throw failures.missing(request.ip, 'there is no session; log in');
    const session = await sessions.find(secret);
    if (session === undefined) throw await failures.add(request.ip, 'the session is over; log in again');
    return session;
  };
}

function show({ token, expiresAt, csrfToken }: Session) {
  return {
    token: { id: token.id, name: token.name },
    role: token.role,
    expires_at: new Date(expiresAt).toISOString(),
    csrf_token: csrfToken,
  };
}
