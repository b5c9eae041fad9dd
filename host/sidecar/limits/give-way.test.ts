import { describe, expect, test } from 'vitest';
import { createLoadMeter } from './load-meter.js';
import { createGiveWay } from './give-way.js';

describe('the load of a plugin', () => {
  const meter = (ticks: Map<number, number>): ReturnType<typeof createLoadMeter> =>
    createLoadMeter((pid) => ticks.get(pid));

  test('is the processors that its processes took together since the last look', () => {
    const ticks = new Map([
      [10, 500],
      [11, 40],
    ]);
    const measure = meter(ticks);
    expect(measure([10, 11], 1_000)).toBe(0);
    ticks.set(10, 510).set(11, 50);
    expect(measure([10, 11], 1_100)).toBe(2);
    expect(measure([10, 11], 1_200)).toBe(0);
  });

  test('counts all of a process that is new, and nothing of one that is gone', () => {
    const ticks = new Map([[10, 500]]);
    const measure = meter(ticks);
    measure([10], 1_000);
    ticks.delete(10);
    ticks.set(12, 15);
    expect(measure([10, 12], 1_100)).toBe(1.5);
  });
});

describe('a plugin gives way', () => {
  interface Giving {
    readonly weights: string[];
    at(nowMs: number, load: number): void;
  }
  const giving = (always = false): Giving => {
    const weights: string[] = [];
    let load = 0;
    const look = createGiveWay({
      always,
      weigh: (pids, weight) => weights.push(`${pids.join(' ')} ${weight}`),
      measure: () => load,
    });
    return {
      weights,
      at: (nowMs, now) => {
        load = now;
        look([10], nowMs);
      },
    };
  };

  test('not while it takes one processor or less', () => {
    const { at, weights } = giving();
    for (let nowMs = 0; nowMs < 2_000; nowMs += 50) at(nowMs, 1.05);
    expect(weights).toEqual([]);
  });

  test('as soon as it takes more, again at each look, and counts in full when it was calm for a second', () => {
    const { at, weights } = giving();
    at(0, 0);
    at(100, 1.9);
    expect(weights).toEqual(['10 light']);
    at(150, 0);
    at(1_050, 0);
    expect(weights).toEqual(['10 light', '10 light', '10 light']);
    at(1_100, 0);
    at(1_150, 0);
    expect(weights.slice(3)).toEqual(['10 full']);
  });

  test('for good when it has a limit on processors that nothing holds', () => {
    const { at, weights } = giving(true);
    at(0, 0);
    at(100_000, 0);
    expect(weights).toEqual(['10 light', '10 light']);
  });
});
