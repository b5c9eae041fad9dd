import { describe, expect, it } from 'vitest';
import { configWith } from '../config.test-support.js';
import { createFilter } from '../filter.js';

const patterns = [
  { name: 'employee', regex: 'EMP-[0-9]{4}', replacement: '[STAFF]' },
  { name: 'codename', regex: 'blue ?bird' },
];

describe('a pattern of the operator', () => {
  it('writes its replacement, and its name where it has none', () => {
    const filter = createFilter(configWith({ patterns }));
    expect(filter({ a: 'ask EMP-1234', b: ['project bluebird'] })).toMatchObject({
      value: { a: 'ask [STAFF]', b: ['project [CODENAME]'] },
      counts: { employee: 1, codename: 1 },
    });
  });

  it('goes along with the built-in detectors, and has the better claim', () => {
    const filter = createFilter(
      configWith({ patterns: [{ name: 'email', regex: '[a-z]+@example\\.com', replacement: '[MAIL]' }] }),
    );
    expect(filter('ada@example.com and bob@example.org').value).toBe('[MAIL] and [EMAIL]');
  });

  it('does not loop on an expression that matches nothing', () => {
    expect(createFilter(configWith({ patterns: [{ name: 'void', regex: 'x*' }] }))('abc').value).toBe('abc');
  });

  it('is refused when it is no regular expression', () => {
    expect(() => createFilter(configWith({ patterns: [{ name: 'broken', regex: '(' }] }))).toThrow(
      SyntaxError,
    );
  });
});
