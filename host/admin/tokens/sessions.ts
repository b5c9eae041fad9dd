import type { Clock } from '../../clock.js';
import type { Store } from '../../store/store.js';
import { hashSecret, makeSecret, sameText } from './token-text.js';
import type { TokenInfo, Tokens } from './tokens.js';

/** A browser that is logged in. */
export interface Session {
  readonly token: TokenInfo;
  readonly expiresAt: number;
  /** From now. */
  readonly lifetimeMs: number;
  /** What a page sends in `x-csrf-token`; another site cannot read it. */
  readonly csrfToken: string;
}

export interface Sessions {
  /** @returns the secret for the cookie, and the session */
  open(token: TokenInfo): Promise<Session & { readonly secret: string }>;
  /** undefined when there is none, or it or its token is over. */
  find(secret: string): Promise<Session | undefined>;
  close(secret: string): Promise<void>;
}

/** However long its token lasts. */
export const SESSION_MS = 12 * 3_600_000;

export function createSessions(store: Store, tokens: Pick<Tokens, 'byId'>, clock: Clock): Sessions {
  return {
    async open(token) {
      const secret = makeSecret();
      const now = clock.now();
      const last = token.expires_at === null ? Infinity : Date.parse(token.expires_at);
      const expiresAt = Math.min(now + SESSION_MS, last);
      await store.batch([
        store.db.deleteFrom('api_sessions').where('expires_at', '<=', now),
        store.db
          .insertInto('api_sessions')
          .values({ hash: hashSecret(secret), token_id: token.id, created_at: now, expires_at: expiresAt }),
      ]);
      return { secret, token, expiresAt, lifetimeMs: expiresAt - now, csrfToken: csrfTokenOf(secret) };
    },
    async find(secret) {
      const row = await store.db
        .selectFrom('api_sessions')
        .selectAll()
        .where('hash', '=', hashSecret(secret))
        .executeTakeFirst();
      const now = clock.now();
      if (row === undefined || row.expires_at <= now) return undefined;
      const token = await tokens.byId(row.token_id);
      if (token === undefined) return undefined;
      const { expires_at: expiresAt } = row;
      return { token, expiresAt, lifetimeMs: expiresAt - now, csrfToken: csrfTokenOf(secret) };
    },
    async close(secret) {
      await store.db.deleteFrom('api_sessions').where('hash', '=', hashSecret(secret)).execute();
    },
  };
}

/** Follows from the cookie's secret, which no script can read. */
function csrfTokenOf(secret: string): string {
  return hashSecret(`csrf ${secret}`);
}

export function isCsrfToken(session: Session, sent: string): boolean {
  return sameText(session.csrfToken, sent);
}
