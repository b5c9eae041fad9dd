import { deny, type Deny, type HookContext, type JsonValue } from '@bulkhead/sdk';
import type { TokenBudgetConfig } from './config.js';
import { createLedger, type Exceeded } from './ledger.js';
import { estimateTokens, usedTokens } from './tokens.js';

type Context = Pick<HookContext<TokenBudgetConfig>, 'config' | 'user' | 'tenantId' | 'state' | 'metadata'>;

export interface Budget {
  /** Before a call: counts what goes in, or refuses. */
  charge(sent: readonly JsonValue[], ctx: Context): Deny | undefined;
  /** After a call: counts what came out; a `usage` in it replaces the estimate of what went in. */
  settle(received: readonly JsonValue[], ctx: Context): void;
}

type Scope = 'user' | 'tenant';

/** Where the tokens charged before the call are kept until after it. */
const CHARGED = 'charged';
/** Callers without a user or a tenant share one account. */
const NOBODY = '';

/** @param now milliseconds since the Unix epoch */
export function createBudget(maxKeys: number, now: () => number): Budget {
  const ledgers = { user: createLedger(maxKeys), tenant: createLedger(maxKeys) };

  // A user of one tenant is not the user of that id of another.
  const keysOf = (ctx: Context): Readonly<Record<Scope, string>> => ({
    user: JSON.stringify([ctx.tenantId ?? NOBODY, ctx.user?.id ?? NOBODY]),
    tenant: ctx.tenantId ?? NOBODY,
  });
  const spend = (ctx: Context, tokens: number, nowMs: number): void => {
    const keys = keysOf(ctx);
    ledgers.user.spend(keys.user, tokens, nowMs);
    ledgers.tenant.spend(keys.tenant, tokens, nowMs);
  };

  return {
    charge(sent, ctx) {
      const nowMs = now();
      const tokens = sent.reduce<number>((sum, value) => sum + estimateTokens(value), 0);
      const keys = keysOf(ctx);
      for (const scope of ['user', 'tenant'] as const) {
        const exceeded = ledgers[scope].exceeded(keys[scope], tokens, ctx.config[scope], nowMs);
        if (exceeded !== undefined) return refuse(scope, exceeded, tokens, nowMs);
      }
      spend(ctx, tokens, nowMs);
      ctx.state.set(CHARGED, tokens);
      ctx.metadata.set('tokens', tokens);
      return undefined;
    },
    settle(received, ctx) {
      const charged = Number(ctx.state.get(CHARGED) ?? 0);
      ctx.state.delete(CHARGED);
      const used = received.map(usedTokens).find((tokens) => tokens !== undefined);
      const tokens =
        used ?? charged + received.reduce<number>((sum, value) => sum + estimateTokens(value), 0);
      spend(ctx, tokens - charged, now());
      ctx.metadata.set('tokens', tokens);
      ctx.metadata.set('tokens_source', used === undefined ? 'estimate' : 'usage');
    },
  };
}

function refuse(scope: Scope, exceeded: Exceeded, tokens: number, nowMs: number): Deny {
  const resetsAt = new Date(exceeded.resetsAtMs).toISOString();
  const tooLarge = tokens > exceeded.limit;
  return deny({
    code: 'TOKEN_BUDGET_EXCEEDED',
    reason: `The ${scope}'s token budget for this ${exceeded.window} is spent; it starts anew at ${resetsAt}`,
    description: tooLarge
      ? `This call needs ${String(tokens)} tokens and the whole budget is ${String(exceeded.limit)}: make it smaller.`
      : `${String(exceeded.used)} of ${String(exceeded.limit)} tokens are used and this call needs ${String(tokens)}.`,
    details: {
      scope,
      window: exceeded.window,
      limit: exceeded.limit,
      used: exceeded.used,
      requested: tokens,
      resets_at: resetsAt,
    },
    http_status_code: 429,
    http_headers: { 'retry-after': String(Math.max(1, Math.ceil((exceeded.resetsAtMs - nowMs) / 1000))) },
  });
}
