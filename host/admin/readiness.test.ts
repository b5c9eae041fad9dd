import { describe, expect, test } from 'vitest';
import { judgeReadiness } from './readiness.js';

const down = { name: 'audit', state: 'failed', reason: 'exit 1', guard: false } as const;

const store = { ok: true } as const;

describe('readiness', () => {
  test('is given when every enabled plugin and upstream serves', () => {
    const readiness = judgeReadiness({ draining: false, store, plugins: [], upstreams: [] });
    expect(readiness).toEqual({ state: 'ready', guards_down: [], waiting_for: [] });
  });

  test('is not given while a plugin is down, and names it among the guards only if it guards', () => {
    const guard = { ...down, name: 'pii', guard: true };
    const readiness = judgeReadiness({
      draining: false,
      store,
      plugins: [down, guard],
      upstreams: ['everything'],
    });
    expect(readiness).toEqual({
      state: 'not_ready',
      guards_down: ['pii'],
      waiting_for: ['plugin audit', 'plugin pii', 'upstream everything'],
    });
  });

  test('is not given while the store is down', () => {
    const away = { ok: false, reason: 'STORE_UNAVAILABLE: PostgreSQL cannot be reached' } as const;
    expect(judgeReadiness({ draining: false, store: away, plugins: [], upstreams: [] })).toEqual({
      state: 'not_ready',
      guards_down: [],
      waiting_for: ['store'],
    });
  });

  test('fails first when the daemon goes down', () => {
    expect(judgeReadiness({ draining: true, store, plugins: [], upstreams: [] }).state).toBe('draining');
  });
});
