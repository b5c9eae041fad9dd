import { expect, test } from 'vitest';
import { WriteShare } from './write-share.js';

const KB = 1_000;

function createWrites(share: WriteShare) {
  const began: string[] = [];
  const ends = new Map<string, () => void>();
  const write = (plugin: string, name: string, bytes: number): Promise<void> =>
    share.enter(plugin, bytes, () => {
      began.push(name);
      return new Promise((resolve) => ends.set(name, resolve));
    });
  return { began, write, end: (name: string): void => ends.get(name)?.() };
}

test('one plugin fills its share of the store’s queue, the rest waits in order, and others do not notice', async () => {
  const { began, write, end } = createWrites(
    new WriteShare({ maxBytes: 100 * KB, maxWaitingBytes: 200 * KB }),
  );
  const one = write('p', '1', 60 * KB);
  const two = write('p', '2', 60 * KB);
  // Small enough for the room that is left, and not before its turn.
  const three = write('p', '3', 10 * KB);
  const other = write('q', 'q', 60 * KB);
  expect(began).toEqual(['1', 'q']);
  end('1');
  await one;
  await Promise.resolve();
  expect(began).toEqual(['1', 'q', '2', '3']);
  for (const name of ['2', '3', 'q']) end(name);
  await Promise.all([two, three, other]);
});

test('what is larger than the share goes alone, and what waits beyond its bound is refused', async () => {
  const { began, write, end } = createWrites(
    new WriteShare({ maxBytes: 100 * KB, maxWaitingBytes: 200 * KB }),
  );
  const one = write('p', '1', 500 * KB);
  const two = write('p', '2', 150 * KB);
  await expect(write('p', '3', 100 * KB)).rejects.toMatchObject({ code: 'RATE_LIMITED', retryable: true });
  expect(began).toEqual(['1']);
  end('1');
  await one;
  await Promise.resolve();
  expect(began).toEqual(['1', '2']);
  end('2');
  await two;
});

test('small writes are bounded by their number', () => {
  const { began, write } = createWrites(new WriteShare({ maxBytes: 100 * KB, maxWaitingBytes: 200 * KB }));
  for (let n = 0; n < 60; n += 1) void write('p', String(n), 0);
  expect(began.length).toBe(48);
});
