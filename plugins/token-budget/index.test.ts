import { describe, expect, it } from 'vitest';
import { testPlugin, type TestPlugin } from '@bulkhead/sdk/testing';
import type { JsonObject } from '@bulkhead/sdk';
import plugin from './index.js';

function start(config: JsonObject): Promise<TestPlugin> {
  return testPlugin(plugin, {
    manifest: new URL('plugin.yaml', import.meta.url),
    config,
    context: { user: { id: 'ada' }, tenantId: 't' },
  });
}

// Only days are limited here: a test that runs over the end of a minute or an hour must not fail.
const only = (day: number): JsonObject => ({ minute: null, hour: null, day });
const args = { text: 'x'.repeat(100) };

describe('token-budget', () => {
  it('lets calls through until the budget is spent, then refuses with the time when it starts anew', async () => {
    const budget = await start({ user: only(60) });
    const call = () => budget.invoke('tool_pre_invoke', { name: 'echo', args });
    expect((await call()).allowed).toBe(true);
    expect((await call()).allowed).toBe(true);
    const { allowed, violation } = await call();
    expect(allowed).toBe(false);
    expect(violation).toMatchObject({ code: 'TOKEN_BUDGET_EXCEEDED', http_status_code: 429 });
    const { resets_at: resetsAt } = violation?.details ?? {};
    expect(new Date(String(resetsAt)).getTime() % 86_400_000).toBe(0);
    expect(Number(violation?.http_headers?.['retry-after'])).toBeGreaterThan(0);
    await budget.shutdown();
  });

  it('counts what a tool says that it used instead of the estimate, over both hooks of a request', async () => {
    const budget = await start({ user: only(60) });
    for (let count = 0; count < 5; count += 1) {
      const requestId = `r${String(count)}`;
      const before = await budget.invoke('tool_pre_invoke', { name: 'echo', args }, { requestId });
      expect(before.allowed).toBe(true);
      const result = { content: [], _meta: { usage: { total_tokens: 2 } } };
      const after = await budget.invoke('tool_post_invoke', { name: 'echo', result }, { requestId });
      expect(after).toMatchObject({ allowed: true, metadata: { tokens: 2, tokens_source: 'usage' } });
    }
    await budget.shutdown();
  });

  it('budgets agents too, and tenants', async () => {
    const budget = await start({ tenant: only(40) });
    const messages = [{ role: 'user', content: 'x'.repeat(100) }];
    const asked = await budget.invoke('agent_pre_invoke', { agent_id: 'a', messages });
    expect(asked.allowed).toBe(true);
    await budget.invoke('agent_post_invoke', { agent_id: 'a', messages });
    const refused = await budget.invoke(
      'agent_pre_invoke',
      { agent_id: 'a', messages },
      { user: { id: 'bob' } },
    );
    expect(refused.violation?.details?.['scope']).toBe('tenant');
    await budget.shutdown();
  });

  it('does not bite with its defaults', async () => {
    const budget = await start({});
    for (let count = 0; count < 50; count += 1) {
      expect((await budget.invoke('tool_pre_invoke', { name: 'echo', args })).allowed).toBe(true);
    }
    await budget.shutdown();
  });
});
