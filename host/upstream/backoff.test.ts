import { expect, test } from 'vitest';
import { FakeClock } from '../clock.test-support.js';
import { createBackoff } from './backoff.js';

const OPTIONS = { initialMs: 100, maxMs: 1_000, crashLimit: 5, crashWindowMs: 60_000 };

test('the wait doubles up to its limit, with jitter of half of it', () => {
  const clock = new FakeClock();
  const lowest = createBackoff({ ...OPTIONS, crashLimit: 100 }, clock, () => 0);
  const highest = createBackoff({ ...OPTIONS, crashLimit: 100 }, clock, () => 1);
  const waits = (backoff: typeof lowest) => [1, 2, 3, 4, 5, 6].map(() => backoff.failed().delayMs);
  expect(waits(lowest)).toEqual([50, 100, 200, 400, 500, 500]);
  expect(waits(highest)).toEqual([100, 200, 400, 800, 1_000, 1_000]);
});

test('too many failures within the window lead to quarantine, longer each time', () => {
  const clock = new FakeClock();
  const backoff = createBackoff(OPTIONS, clock, () => 0);
  const kinds = [1, 2, 3, 4, 5].map(() => backoff.failed().kind);
  expect(kinds).toEqual(['retry', 'retry', 'retry', 'retry', 'quarantine']);
  const minutes = [1, 2, 3, 4, 5].map(() => {
    backoff.recovered();
    clock.advance(1_000);
    return backoff.failed().delayMs / 60_000;
  });
  expect(minutes).toEqual([2, 4, 8, 15, 15]);
});

test('failures far apart are forgiven, and so are all of them after a life longer than the window', () => {
  const clock = new FakeClock();
  const backoff = createBackoff(OPTIONS, clock, () => 0);
  for (let round = 0; round < 20; round += 1) {
    expect(backoff.failed()).toEqual({ kind: 'retry', delayMs: 50 });
    backoff.recovered();
    clock.advance(60_000);
  }
});
