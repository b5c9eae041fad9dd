import { expect, test } from 'vitest';
import { Turns } from './turns.js';

const { signal } = new AbortController();

test('one plugin has one at a time under way, and another does not wait for it', async () => {
  const turns = new Turns(10);
  const began: string[] = [];
  const first = Promise.withResolvers<string>();
  const work =
    (name: string, result: Promise<string> = Promise.resolve(name)) =>
    () => {
      began.push(name);
      return result;
    };
  const answers = [turns.take('p', signal, work('1', first.promise)), turns.take('p', signal, work('2'))];
  expect(await turns.take('q', signal, work('q'))).toBe('q');
  expect(began).toEqual(['1', 'q']);
  first.reject(new Error('gone wrong'));
  await expect(answers[0]).rejects.toThrow('gone wrong');
  expect(await answers[1]).toBe('2');
});

test('a line is not longer than its bound, and who left it is not served', async () => {
  const turns = new Turns(2);
  const first = Promise.withResolvers<number>();
  const left = new AbortController();
  const one = turns.take('p', signal, () => first.promise);
  const two = turns.take('p', left.signal, () => Promise.reject(new Error('was served')));
  await expect(turns.take('p', signal, () => Promise.resolve(3))).rejects.toMatchObject({
    code: 'RATE_LIMITED',
    retryable: true,
  });
  left.abort();
  first.resolve(1);
  expect(await one).toBe(1);
  await expect(two).rejects.toMatchObject({ code: 'CANCELLED' });
  expect(await turns.take('p', signal, () => Promise.resolve(4))).toBe(4);
});
