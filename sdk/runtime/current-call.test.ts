import { beforeEach, expect, test } from 'vitest';
import type { RuntimeClock } from './clock.js';
import { CurrentCall } from './current-call.js';

let now: number;
const clock: RuntimeClock = { now: () => now, monotonic: () => now, after: () => () => {} };
const incoming = (timeoutMs: number) => ({
  timeoutMs,
  traceparent: 'trace',
  signal: new AbortController().signal,
});

let calls: CurrentCall;
async function remainingLater(): Promise<number | undefined> {
  await Promise.resolve();
  return calls.get()?.remainingMs;
}
beforeEach(() => {
  now = 0;
  calls = new CurrentCall(clock);
  calls.follow();
});

test('a handler is found from wherever it has come to, with what is left of its time', async () => {
  const handler = async (argument: string): Promise<string> => {
    now = 30;
    await new Promise((resolve) => setImmediate(resolve));
    expect(calls.get()).toMatchObject({ remainingMs: 70, traceparent: 'trace' });
    return argument;
  };
  expect(await calls.within(incoming(100), 0, handler, 'given')).toBe('given');
  expect(calls.get()).toBeUndefined();
});

test('two calls at once do not see each other', async () => {
  const left = await Promise.all(
    [50, 80].map((timeoutMs) => calls.within(incoming(timeoutMs), 0, remainingLater, undefined)),
  );
  expect(left).toEqual([50, 80]);
});

test('what runs on after the answer is nobody’s call any more', async () => {
  const handler = (): Promise<number | undefined> => {
    const later = remainingLater();
    calls.end();
    return later;
  };
  expect(await calls.within(incoming(10), 0, handler, undefined)).toBeUndefined();
});

test('a call without a deadline takes the default, or has all the time', () => {
  const left = (defaultMs: number): unknown =>
    calls.within(incoming(0), defaultMs, () => calls.get()?.remainingMs, undefined);
  expect([left(20), left(0)]).toEqual([20, Infinity]);
});

test('nothing is followed for a plugin that has nobody to ask', () => {
  const unused = new CurrentCall(clock);
  expect(unused.within(incoming(10), 0, () => unused.get(), undefined)).toBeUndefined();
});
