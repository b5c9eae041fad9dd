import { describe, expect, it } from 'vitest';
import type { JsonValue, KeptValues } from '@bulkhead/sdk';
import { createBudget } from './budget.js';
import type { TokenBudgetConfig } from './config.js';

const START = Date.UTC(2026, 10, 21, 12, 0, 0);

function values(): KeptValues {
  const map = new Map<string, JsonValue>();
  return {
    get: (key) => map.get(key),
    has: (key) => map.has(key),
    set: (key, value) => {
      map.set(key, value);
    },
    delete: (key) => {
      map.delete(key);
    },
  };
}

function caller(config: Partial<TokenBudgetConfig>, user?: string, tenantId?: string) {
  return {
    config: { user: {}, tenant: {}, max_keys: 10, ...config },
    user: user === undefined ? undefined : { id: user },
    tenantId,
    state: values(),
    metadata: values(),
  };
}

/** 98 characters and two quotes: 25 tokens. */
const HUNDRED_BYTES = 'x'.repeat(98);

describe('createBudget', () => {
  it('refuses when the budget is spent and says when it starts anew', () => {
    let now = START + 500;
    const budget = createBudget(10, () => now);
    const config = { user: { minute: 50 } };
    expect(budget.charge([HUNDRED_BYTES], caller(config, 'ada'))).toBeUndefined();
    expect(budget.charge([HUNDRED_BYTES], caller(config, 'ada'))).toBeUndefined();
    expect(budget.charge([HUNDRED_BYTES], caller(config, 'ada'))?.violation).toEqual({
      code: 'TOKEN_BUDGET_EXCEEDED',
      reason: "The user's token budget for this minute is spent; it starts anew at 2026-11-21T12:01:00.000Z",
      description: '50 of 50 tokens are used and this call needs 25.',
      details: {
        scope: 'user',
        window: 'minute',
        limit: 50,
        used: 50,
        requested: 25,
        resets_at: '2026-11-21T12:01:00.000Z',
      },
      http_status_code: 429,
      http_headers: { 'retry-after': '60' },
    });
    now = START + 60_000;
    expect(budget.charge([HUNDRED_BYTES], caller(config, 'ada'))).toBeUndefined();
  });

  it('says so when a call alone is larger than the budget', () => {
    const budget = createBudget(10, () => START);
    const refused = budget.charge([HUNDRED_BYTES], caller({ user: { day: 10 } }, 'ada'));
    expect(refused?.violation.description).toContain('the whole budget is 10');
  });

  it('keeps users apart, and users of the same name in two tenants', () => {
    const budget = createBudget(10, () => START);
    const config = { user: { minute: 25 } };
    for (const [user, tenant] of [
      ['ada', 'a'],
      ['bob', 'a'],
      ['ada', 'b'],
      [undefined, 'b'],
    ] as const) {
      expect(budget.charge([HUNDRED_BYTES], caller(config, user, tenant))).toBeUndefined();
      expect(budget.charge([HUNDRED_BYTES], caller(config, user, tenant))).toBeDefined();
    }
  });

  it('adds up the users of a tenant, and a refused call costs nobody anything', () => {
    const budget = createBudget(10, () => START);
    const config = { user: { minute: 1000 }, tenant: { minute: 50 } };
    expect(budget.charge([HUNDRED_BYTES], caller(config, 'ada', 'a'))).toBeUndefined();
    expect(budget.charge([HUNDRED_BYTES], caller(config, 'bob', 'a'))).toBeUndefined();
    expect(budget.charge([HUNDRED_BYTES], caller(config, 'carl', 'a'))?.violation.details?.['scope']).toBe(
      'tenant',
    );
    const roomy = { user: { minute: 25 } };
    expect(budget.charge([HUNDRED_BYTES], caller(roomy, 'carl', 'a'))).toBeUndefined();
  });

  it('counts the answer too', () => {
    const budget = createBudget(10, () => START);
    const ada = caller({ user: { minute: 60 } }, 'ada');
    expect(budget.charge([HUNDRED_BYTES], ada)).toBeUndefined();
    budget.settle([HUNDRED_BYTES], ada);
    expect(ada.metadata.get('tokens')).toBe(50);
    expect(ada.metadata.get('tokens_source')).toBe('estimate');
    expect(budget.charge([HUNDRED_BYTES], caller({ user: { minute: 60 } }, 'ada'))).toBeDefined();
  });

  it('replaces its estimates by the usage that the answer states', () => {
    const budget = createBudget(10, () => START);
    const config = { user: { minute: 30 } };
    const ada = caller(config, 'ada');
    expect(budget.charge([HUNDRED_BYTES], ada)).toBeUndefined();
    budget.settle([{ text: HUNDRED_BYTES, usage: { input_tokens: 3, output_tokens: 2 } }], ada);
    expect(ada.metadata.get('tokens')).toBe(5);
    expect(ada.metadata.get('tokens_source')).toBe('usage');
    expect(budget.charge([HUNDRED_BYTES], caller(config, 'ada'))).toBeUndefined();
  });

  it('counts an answer whose call it never saw', () => {
    const budget = createBudget(10, () => START);
    budget.settle([HUNDRED_BYTES], caller({}, 'ada'));
    expect(budget.charge([HUNDRED_BYTES], caller({ user: { minute: 49 } }, 'ada'))).toBeDefined();
  });
});
