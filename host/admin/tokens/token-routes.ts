import type { ApiRoutes } from '../api.js';
import { ROLES, type Role } from '../roles.js';
import { DEFAULT_LIFETIME_MS, type Tokens } from './tokens.js';

const DAY_MS = 86_400_000;
const MAX_DAYS = 3_650;
const BODY = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'role'],
  properties: {
    name: { type: 'string', minLength: 1, maxLength: 100 },
    role: { enum: ROLES },
    expires_in_days: {
      anyOf: [{ type: 'integer', minimum: 1, maximum: MAX_DAYS }, { type: 'null' }],
      default: DEFAULT_LIFETIME_MS / DAY_MS,
    },
  },
};

interface TokenBody {
  readonly name: string;
  readonly role: Role;
  /** null: it does not expire. */
  readonly expires_in_days: number | null;
}

/** Tokens of the control plane: made, listed, revoked. The token itself is only in the answer that made it. */
export function tokenRoutes(tokens: Tokens): ApiRoutes {
  return (app) => {
    app.get('/tokens', { config: { role: 'admin' } }, async () => ({ tokens: await tokens.list() }));
    app.post<{ Body: TokenBody }>(
      '/tokens',
      { config: { role: 'admin' }, schema: { body: BODY } },
      async ({ body, caller }, reply) => {
        const { name, role, expires_in_days: days } = body;
        const made = await tokens.create(
          { name, role, lifetimeMs: days === null ? null : days * DAY_MS },
          caller.actor,
        );
        await reply.code(201).send(made);
      },
    );
    app.delete<{ Params: { id: string } }>(
      '/tokens/:id',
      { config: { role: 'admin' } },
      ({ params, caller }) => tokens.revoke(params.id, caller.actor),
    );
  };
}
