import { describe, expect, it } from 'vitest';
import { configWith } from './config.test-support.js';
import { createFilter } from './filter.js';

const SIZE = 1_000_000;
const filter = createFilter(configWith({ allow_values: ['*a*a*a*a*b'] }));

// Anything quadratic takes minutes here, so the runner's own time limit is the assertion.
describe('a megabyte that was made to be slow', () => {
  it.each([
    '1',
    '@',
    'a',
    '.',
    ':',
    '-',
    '+',
    ' ',
    '%40',
    'a@',
    '@a.',
    'a.',
    '1.',
    '1-',
    '1 ',
    '4111 ',
    '1:',
    '::',
    'a:',
    '00',
    '+1',
    '+1 ',
    '(415) ',
    '415-',
    '1-415-555-',
    'DE89',
    'DE89 ',
    'DE',
    '123-45-',
    'ssn 123456789',
    '255.255.255.',
    'a@b',
    'a@b.',
    `a@${'.'.repeat(250)}`,
    `a@${'b.'.repeat(125)}1`,
    `${'a'.repeat(64)}@`,
    '{"a":',
    '[',
    '\u00e9@',
    '+49 (0)',
  ])('%j over and over', (part) => {
    // The end keeps the cheap test at the start from ending it all.
    const text = `${part.repeat(Math.ceil(SIZE / part.length))} 1@`;
    expect(typeof filter(text).value).toBe('string');
    expect(typeof filter({ [text]: text }).value).toBe('object');
  });

  it('as many addresses as fit', () => {
    const { found } = filter(
      Object.fromEntries(Array.from({ length: 50_000 }, (_, n) => [`u${String(n)}@example.com`, n])),
    );
    expect(found).toBe(50_000);
  });
});
