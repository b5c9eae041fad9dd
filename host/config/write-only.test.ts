import { describe, expect, it } from 'vitest';
import { hideWriteOnly } from './write-only.js';

const secret = { type: 'string', writeOnly: true };

describe('hideWriteOnly', () => {
  it.each<[string, object, unknown, unknown]>([
    ['a member', { properties: { a: secret } }, { a: 's', b: 1 }, { a: '***', b: 1 }],
    ['a whole map', { properties: { a: { writeOnly: true } } }, { a: { b: 's' } }, { a: '***' }],
    [
      'behind a reference',
      { $defs: { s: secret }, properties: { a: { $ref: '#/$defs/s' } } },
      { a: 's' },
      { a: '***' },
    ],
    [
      'in the items of a list',
      { items: { properties: { a: secret } } },
      [{ a: 's' }, {}],
      [{ a: '***' }, {}],
    ],
    ['by place in a list', { prefixItems: [{}, secret] }, ['x', 's'], ['x', '***']],
    ['in one of several branches', { anyOf: [{ properties: { a: secret } }, {}] }, { a: 's' }, { a: '***' }],
    ['under a condition', { if: {}, else: { properties: { a: secret } } }, { a: 's' }, { a: '***' }],
    ['by pattern', { patternProperties: { '^x-': secret } }, { 'x-a': 's', b: 1 }, { 'x-a': '***', b: 1 }],
    ['by pattern that cannot be read', { patternProperties: { '(': secret } }, { a: 's' }, { a: '***' }],
    ['among members without a name', { additionalProperties: secret }, { a: 's' }, { a: '***' }],
    ['everything', secret, 's', '***'],
    ['nothing', {}, { a: ['x', null] }, { a: ['x', null] }],
    ['of a schema that leads to itself', { $ref: '#' }, { a: 1 }, { a: 1 }],
  ])('hides %s', (_what, schema, value, shown) => {
    expect(hideWriteOnly(value, schema, { ...schema })).toEqual(shown);
  });
});
