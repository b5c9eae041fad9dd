import { describe, expect, it } from 'vitest';
import { createLedger } from './ledger.js';

const NOON = Date.UTC(2026, 10, 21, 12, 0, 10);

describe('createLedger', () => {
  it('fits up to the limit and not one token more', () => {
    const ledger = createLedger(10);
    expect(ledger.exceeded('u', 100, { minute: 100 }, NOON)).toBeUndefined();
    ledger.spend('u', 60, NOON);
    expect(ledger.exceeded('u', 40, { minute: 100 }, NOON)).toBeUndefined();
    expect(ledger.exceeded('u', 41, { minute: 100 }, NOON)).toEqual({
      window: 'minute',
      limit: 100,
      used: 60,
      resetsAtMs: Date.UTC(2026, 10, 21, 12, 1, 0),
    });
  });

  it('starts anew when the window ends, each window for itself', () => {
    const ledger = createLedger(10);
    ledger.spend('u', 60, NOON);
    const later = NOON + 50_000;
    expect(ledger.exceeded('u', 100, { minute: 100 }, later)).toBeUndefined();
    expect(ledger.exceeded('u', 50, { hour: 100 }, later)).toMatchObject({ window: 'hour', used: 60 });
    expect(ledger.exceeded('u', 50, { day: 100 }, NOON + 86_400_000)).toBeUndefined();
  });

  it('names the window that ends last', () => {
    const ledger = createLedger(10);
    ledger.spend('u', 100, NOON);
    expect(ledger.exceeded('u', 1, { minute: 10, hour: 10, day: 10 }, NOON)?.window).toBe('day');
    expect(ledger.exceeded('u', 1, { minute: 10, hour: 10, day: null }, NOON)?.window).toBe('hour');
  });

  it('has no limit where there is none', () => {
    const ledger = createLedger(10);
    ledger.spend('u', 1e9, NOON);
    expect(ledger.exceeded('u', 1e9, { minute: null }, NOON)).toBeUndefined();
  });

  it('gives tokens back, but never below nothing', () => {
    const ledger = createLedger(10);
    ledger.spend('u', 10, NOON);
    ledger.spend('u', -50, NOON);
    expect(ledger.exceeded('u', 101, { minute: 100 }, NOON)?.used).toBe(0);
  });

  it('forgets the key that was seen longest ago when there are too many', () => {
    const ledger = createLedger(2);
    ledger.spend('a', 10, NOON);
    ledger.spend('b', 10, NOON);
    ledger.spend('a', 1, NOON);
    ledger.spend('c', 10, NOON);
    expect(ledger.exceeded('a', 100, { minute: 100 }, NOON)?.used).toBe(11);
    expect(ledger.exceeded('b', 100, { minute: 100 }, NOON)).toBeUndefined();
  });
});
