import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Clock } from '../../clock.js';
import type { Store } from '../../store/store.js';
import type { ApiTokensTable } from '../../store/tables/tokens.js';
import type { Actor, Audit } from '../../telemetry/audit.js';
import { isRole, type Role } from '../roles.js';
import { hashSecret, makeToken, parseToken, sameText } from './token-text.js';

/** A token as it is shown. */
export interface TokenInfo {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly state: 'active' | 'expired' | 'revoked';
  readonly created_at: string;
  readonly created_by: string;
  /** null: never. */
  readonly expires_at: string | null;
}

export interface NewToken {
  /** For people; one of its kind. */
  readonly name: string;
  readonly role: Role;
  /** null: it does not expire. */
  readonly lifetimeMs: number | null;
}

/** The tokens of the control plane. */
export interface Tokens {
  /** The token is in the answer and nowhere else. @throws ALREADY_EXISTS when the name is taken */
  create(token: NewToken, by: Actor): Promise<TokenInfo & { readonly token: string }>;
  /** A token for the first person, when there never was one; undefined when there was. */
  createFirst(): Promise<string | undefined>;
  list(): Promise<readonly TokenInfo[]>;
  /** Its sessions end with it. @throws NOT_FOUND */
  revoke(id: string, by: Actor): Promise<TokenInfo>;
  /** undefined for what is no token, or one that is over. */
  find(text: string): Promise<TokenInfo | undefined>;
  /** undefined when it is over. */
  byId(id: string): Promise<TokenInfo | undefined>;
}

const DAY_MS = 86_400_000;
/** Of a token whose lifetime nobody said. */
export const DEFAULT_LIFETIME_MS = 90 * DAY_MS;
const FIRST_NAME = 'first admin';

export interface TokensOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly audit: Audit;
}

export function createTokens({ store, clock, audit }: TokensOptions): Tokens {
  const show = (row: ApiTokensTable): TokenInfo => ({
    id: row.id,
    name: row.name,
    // What is not known may least.
    role: isRole(row.role) ? row.role : 'metrics',
    state: stateOf(row, clock.now()),
    created_at: new Date(row.created_at).toISOString(),
    created_by: row.created_by,
    expires_at: row.expires_at === null ? null : new Date(row.expires_at).toISOString(),
  });
  const rowOf = (id: string): Promise<ApiTokensTable | undefined> =>
    store.db.selectFrom('api_tokens').selectAll().where('id', '=', id).executeTakeFirst();

  const insert = async (
    { name, role, lifetimeMs }: NewToken,
    by: Actor,
  ): Promise<(TokenInfo & { readonly token: string }) | undefined> => {
    const { id, secret, token } = makeToken();
    const now = clock.now();
    const row = {
      id,
      name,
      role,
      hash: hashSecret(secret),
      created_at: now,
      created_by: by.id,
      expires_at: lifetimeMs === null ? null : now + lifetimeMs,
      revoked_at: null,
    };
    const made = await store.transaction(async (trx) => {
      const inserted = await trx
        .insertInto('api_tokens')
        .values(row)
        .onConflict((conflict) => conflict.column('name').doNothing())
        .returning('id')
        .executeTakeFirst();
      if (inserted === undefined) return false;
      const details = { name, role, expires_at: show(row).expires_at };
      await audit.write(trx, {
        actor: by,
        action: 'token.create',
        target: `token/${id}`,
        outcome: 'allowed',
        details,
      });
      return true;
    });
    if (!made) return undefined;
    await audit.settled();
    return { ...show(row), token };
  };

  return {
    async create(wanted, by) {
      const made = await insert(wanted, by);
      if (made !== undefined) return made;
      throw new BulkheadError(
        ErrorCode.ALREADY_EXISTS,
        `there is a token named '${wanted.name}' already, in use or revoked; choose another name`,
        { field: 'name' },
      );
    },
    async createFirst() {
      const any = await store.db.selectFrom('api_tokens').select('id').limit(1).executeTakeFirst();
      if (any !== undefined) return undefined;
      const wanted = { name: FIRST_NAME, role: 'admin', lifetimeMs: DEFAULT_LIFETIME_MS } as const;
      return (await insert(wanted, { kind: 'host', id: 'host' }))?.token;
    },
    async list() {
      const rows = await store.db
        .selectFrom('api_tokens')
        .selectAll()
        .orderBy('created_at')
        .orderBy('id')
        .execute();
      return rows.map(show);
    },
    async revoke(id, by) {
      const revoked = await store.transaction(async (trx) => {
        const row = await trx
          .updateTable('api_tokens')
          .set({ revoked_at: clock.now() })
          .where('id', '=', id)
          .where('revoked_at', 'is', null)
          .returningAll()
          .executeTakeFirst();
        if (row === undefined) return undefined;
        await trx.deleteFrom('api_sessions').where('token_id', '=', id).execute();
        await audit.write(trx, {
          actor: by,
          action: 'token.revoke',
          target: `token/${id}`,
          outcome: 'allowed',
          details: { name: row.name, role: row.role },
        });
        return row;
      });
      await audit.settled();
      const row = revoked ?? (await rowOf(id));
      if (row !== undefined) return show(row);
      throw new BulkheadError(
        ErrorCode.NOT_FOUND,
        `there is no token '${id}'; \`bulkhead token list\` shows them`,
      );
    },
    async find(text) {
      const parsed = parseToken(text);
      if (parsed === undefined) return undefined;
      const row = await rowOf(parsed.id);
      // Compared also where there is no such token, so that the time does not tell.
      const same = sameText(hashSecret(parsed.secret), row?.hash ?? '');
      return row !== undefined && same && stateOf(row, clock.now()) === 'active' ? show(row) : undefined;
    },
    async byId(id) {
      const row = await rowOf(id);
      return row !== undefined && stateOf(row, clock.now()) === 'active' ? show(row) : undefined;
    },
  };
}

function stateOf(
  { revoked_at: revoked, expires_at: expires }: ApiTokensTable,
  nowMs: number,
): TokenInfo['state'] {
  if (revoked !== null) return 'revoked';
  return expires !== null && expires <= nowMs ? 'expired' : 'active';
}
