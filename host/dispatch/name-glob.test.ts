import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileGlob, isGlob } from './name-glob.js';

describe('a glob over names', () => {
  test.each([
    ['*', '', true],
    ['*', 'any/..\n/.thing', true],
    ['a*', 'a', true],
    ['a*', 'ba', false],
    ['*b*', 'abc', true],
    ['a*a', 'a', false],
    ['a*b*c', 'a-b-b-c', true],
    ['a*b*c', 'a-c-b', false],
    ['?', 'x', true],
    ['?', '', false],
    ['a?c*', 'abcd', true],
    ['[a-c]x', 'bx', true],
    ['[!a-c]x', 'bx', false],
    ['[^a-c]x', 'dx', true],
    ['[]]', ']', true],
    ['x[', 'x[', true],
    ['{a,b*}c', 'bzzc', true],
    ['{a,{b,c}d}', 'cd', true],
    ['{a}', '{a}', true],
    ['{a', '{a', true],
    ['\\*', '*', true],
    ['\\*', 'x', false],
    ['a.b', 'axb', false],
    ['**', 'a/b', true],
  ])('%s on %j is %s', (pattern, name, expected) => {
    expect(compileGlob(pattern)(name)).toBe(expected);
  });

  test('too many alternatives are refused', () => {
    expect(() => compileGlob('{a,b}'.repeat(9))).toThrow(RangeError);
    expect(compileGlob('{a,b}'.repeat(8))('abababab')).toBe(true);
  });

  test('a name without special characters is no glob', () => {
    expect(isGlob('server/tool-1.x')).toBe(false);
    expect(isGlob('a?')).toBe(true);
  });

  test('agrees with a regular expression for stars and question marks', () => {
    const parts = fc.array(fc.constantFrom('a', 'b', '/', '.', '*', '?'), { maxLength: 8 });
    const name = fc
      .array(fc.constantFrom('a', 'b', '/', '.', '\n'), { maxLength: 10 })
      .map((all) => all.join(''));
    fc.assert(
      fc.property(parts, name, (pattern, value) => {
        const source = pattern.map((part) =>
          part === '*' ? '[^]*' : part === '?' ? '[^]' : part === '.' ? '\\.' : part,
        );
        expect(compileGlob(pattern.join(''))(value)).toBe(new RegExp(`^${source.join('')}$`).test(value));
      }),
      { numRuns: 2_000 },
    );
  });

  test('stays linear where a backtracking matcher would not', () => {
    const name = 'a'.repeat(200_000);
    expect(compileGlob('*a*a*a*a*a*a*a*a*b')(name)).toBe(false);
    expect(compileGlob('*?a*?a*?a*?b*')(name)).toBe(false);
  });
});
