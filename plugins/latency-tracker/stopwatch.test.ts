import { describe, expect, it } from 'vitest';
import type { JsonValue, KeptValues } from '@bulkhead/sdk';
import { createStopwatch } from './stopwatch.js';

function request(): { readonly state: KeptValues } {
  const map = new Map<string, JsonValue>();
  return {
    state: {
      get: (key) => map.get(key),
      has: (key) => map.has(key),
      set: (key, value) => {
        map.set(key, value);
      },
      delete: (key) => {
        map.delete(key);
      },
    },
  };
}

describe('createStopwatch', () => {
  it('measures from start to stop, once', () => {
    let now = 1_000.25;
    const stopwatch = createStopwatch(() => now);
    const ctx = request();
    stopwatch.start('tool', ctx);
    now = 1_012.5;
    expect(stopwatch.stop('tool', ctx)).toBe(12.25);
    expect(stopwatch.stop('tool', ctx)).toBeUndefined();
  });

  it('keeps kinds of one request apart', () => {
    let now = 0;
    const stopwatch = createStopwatch(() => now);
    const ctx = request();
    stopwatch.start('tool', ctx);
    now = 5;
    stopwatch.start('resource', ctx);
    now = 7;
    expect(stopwatch.stop('tool', ctx)).toBe(7);
    expect(stopwatch.stop('resource', ctx)).toBe(2);
  });

  it('says nothing when the clock was set back', () => {
    let now = 100;
    const stopwatch = createStopwatch(() => now);
    const ctx = request();
    stopwatch.start('tool', ctx);
    now = 50;
    expect(stopwatch.stop('tool', ctx)).toBeUndefined();
  });
});
