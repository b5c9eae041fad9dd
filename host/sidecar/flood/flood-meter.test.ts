import { beforeEach, describe, expect, test } from 'vitest';
import type { BulkheadError } from '@bulkhead/proto';
import { FakeClock } from '../../clock.test-support.js';
import { FloodMeter } from './flood-meter.js';

const MIB = 1024 * 1024;

let clock: FakeClock;
let floods: BulkheadError[];
let dropped: number;
let wireBytes: number;
let meter: FloodMeter;

beforeEach(() => {
  clock = new FakeClock();
  floods = [];
  dropped = 0;
  wireBytes = 0;
  meter = new FloodMeter({
    clock,
    maxMessageBytes: 8 * MIB,
    onFlood: (error) => void floods.push(error),
  });
  meter.connect({ bytesRead: () => wireBytes, drop: () => void (dropped += 1) });
});

/** Runs `what` in every millisecond of so many seconds. */
function forSeconds(seconds: number, what: () => void): void {
  for (let ms = 0; ms < seconds * 1_000; ms += 1) {
    what();
    clock.advance(1);
  }
}

describe('what a plugin may send', () => {
  test('is all that messages explain: small ones by the thousand, with their heads and window updates', () => {
    forSeconds(60, () => {
      for (let n = 0; n < 100; n += 1) {
        meter.sent(60);
        meter.received(80);
        // Its head, and an update of each of the two windows.
        wireBytes += 80 + 14 + 26;
      }
    });
    expect(floods).toEqual([]);
  });

  test('is a PING for each DATA frame, as a peer sends that measures its bandwidth', () => {
    forSeconds(60, () => {
      for (let n = 0; n < 50; n += 1) {
        meter.sent(200);
        meter.received(200);
        meter.control();
        wireBytes += 200 + 14 + 17;
      }
      meter.sent(160_000);
      for (let n = 0; n < 10; n += 1) meter.control();
    });
    expect(floods).toEqual([]);
  });

  test('is as many large answers at once as the host asked for, also when all of them are cut off', () => {
    for (let round = 0; round < 20; round += 1) {
      for (let n = 0; n < 64; n += 1) meter.lend(8 * MIB);
      wireBytes += 64 * 6 * MIB;
      clock.advance(1_000);
      for (let n = 0; n < 64; n += 1) {
        meter.lend(-8 * MIB);
        meter.carried(8 * MIB);
      }
      clock.advance(1_000);
    }
    expect(floods).toEqual([]);
  });

  test('is a burst of calls that are refused, and a few for ever', () => {
    meter.waste(9_000);
    forSeconds(60, () => {
      meter.waste();
    });
    expect(floods).toEqual([]);
  });

  test('is, for each call of its own, whatever the host sees before it knows whose it is', () => {
    forSeconds(60, () => {
      for (let n = 0; n < 10; n += 1) {
        meter.waste();
        meter.waste(-1);
      }
    });
    expect(floods).toEqual([]);
  });
});

describe('a plugin is ended, once, and each connection dropped, for', () => {
  test.each([
    ['pings', (): void => meter.control(), 'PING and SETTINGS without end'],
    ['calls that are refused', (): void => meter.waste(), 'served nothing'],
    ['frames that carry nothing', (): void => void (wireBytes += 1_000), 'carry nothing'],
  ])('%s', (_what, send, reason) => {
    const second = meter.connect({ bytesRead: () => 0, drop: () => void (dropped += 1) });
    forSeconds(20, () => {
      for (let n = 0; n < 10; n += 1) send();
    });
    expect(floods).toMatchObject([{ code: 'CONNECTION_FLOODED', message: expect.stringContaining(reason) }]);
    expect(dropped).toBe(2);
    second();
    expect(clock.waiting).toBe(0);
  });

  test('messages in pieces of one byte, however many of them', () => {
    forSeconds(60, () => {
      meter.carried(100);
      wireBytes += 1_000;
    });
    expect(floods).toMatchObject([{ code: 'CONNECTION_FLOODED' }]);
  });

  test('a flood over connections that it opens and closes again', () => {
    forSeconds(60, () => {
      const bytes = 2_000;
      const close = meter.connect({ bytesRead: () => bytes, drop: () => {} });
      close();
    });
    expect(floods).toMatchObject([{ code: 'CONNECTION_FLOODED' }]);
  });
});

test('a connection that comes after the flood was seen is dropped at once', () => {
  meter.waste(50_000);
  clock.advance(1_000);
  expect(floods).toHaveLength(1);
  meter.connect({ bytesRead: () => 0, drop: () => void (dropped += 1) });
  expect(dropped).toBe(2);
});

test('a meter that has ended looks no more', () => {
  meter.end();
  meter.waste(50_000);
  clock.advance(10_000);
  expect(floods).toEqual([]);
  expect(clock.waiting).toBe(0);
});
