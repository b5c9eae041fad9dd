import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileGlob } from './glob.js';

describe('compileGlob', () => {
  it.each([
    ['read_*', 'read_', true],
    ['read_*', 'read_file', true],
    ['read_*', 'Read_file', false],
    ['*_file', 'read_file', true],
    ['a*b*c', 'aXbXbXc', true],
    ['a*b*c', 'aXbXbX', false],
    ['?', '', false],
    ['get-?', 'get-a', true],
    ['get-?', 'get-ab', false],
    ['f[1]', 'f1', false],
    ['{a,b}', 'a', false],
    ['', '', true],
    ['', 'a', false],
  ])('%s against %s is %s', (glob, text, expected) => {
    expect(compileGlob(glob)(text)).toBe(expected);
  });

  it('lets a star stand for anything at all, line breaks and slashes too', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (text, rest) => {
        expect(compileGlob('*')(text)).toBe(true);
        expect(compileGlob('a*b')(`a${text}\n/../${rest}b`)).toBe(true);
      }),
    );
  });

  it('agrees with the regular expression of the same meaning', () => {
    const part = fc.stringMatching(/^[ab*?]{0,8}$/);
    fc.assert(
      fc.property(part, fc.stringMatching(/^[ab]{0,8}$/), (glob, text) => {
        const expression = new RegExp(`^${glob.replaceAll('*', '.*').replaceAll('?', '.')}$`);
        expect(compileGlob(glob)(text)).toBe(expression.test(text));
      }),
    );
  });

  it('is fast on a glob that was made to be slow', () => {
    expect(compileGlob(`${'a*'.repeat(100)}b`)('a'.repeat(256))).toBe(false);
  });
});
