import { expect, test } from 'vitest';
import { canonicalJson } from './canonical-json.js';

test('numbers are one by their value, however they are written', () => {
  for (const one of ['1', '1.0', '10e-1', '0.1e1', '1e0']) expect(canonicalJson(one)).toBe('1e0');
  expect(canonicalJson('9007199254740993')).not.toBe(canonicalJson('9007199254740992'));
  expect(canonicalJson('[-0, 0.00, 0e9]')).toBe('[0,0,0]');
  expect(canonicalJson('{"b": 100, "a": -0.010}')).toBe('{"a":-1e-2,"b":1e2}');
});

test('a number of very many zeros between two digits takes no time', () => {
  // As many as the arguments of a call that needs approval may have; by a pattern it took the host half a minute.
  const zeros = '0'.repeat(250_000);
  expect(canonicalJson(`[1${zeros}1]`)).toBe(`[1${zeros}1e0]`);
});
