import { describe, expect, it } from 'vitest';
import { createCostJudge } from './cheap-schema.js';
import type { JsonSchema } from './problem.js';

const isCheap = (schema: JsonSchema, chars = 1_000): boolean => createCostJudge(schema)(chars);
const pattern = (text: string): JsonSchema => ({ properties: { a: { type: 'string', pattern: text } } });

describe('a schema whose check costs what its size says', () => {
  it.each<JsonSchema>([
    { type: 'object', properties: { amount: { type: 'number', minimum: 0 } }, required: ['amount'] },
    { properties: { pattern: { type: 'string' }, uniqueItems: { const: { $ref: '#' } } } },
    { $id: 'https://x.example/a', $defs: { a: { type: 'string' } }, items: { $ref: '#/$defs/a' } },
    {
      anyOf: [
        { type: 'string', format: 'uri' },
        { type: 'array', items: { enum: ['uniqueItems'] } },
      ],
    },
    ...[
      '^[a-z0-9-]+$',
      '^sk-[A-Za-z0-9]{20,}$',
      '^(debug|info)$',
      'https://',
      '^\\d{4}-\\d\\d$',
      '^a\\(b*\\)',
    ].map(pattern),
  ])('is cheap: %j', (schema) => {
    expect(isCheap(schema)).toBe(true);
  });

  it.each<JsonSchema>([
    { items: { uniqueItems: true } },
    { patternProperties: { a: {} } },
    { properties: { a: { $ref: '#' } } },
    { $ref: 'https://x.example/a' },
    { $ref: '#/%' },
    { $defs: { a: { $id: 'https://x.example/b' } } },
    { not: { propertyNames: { pattern: '(a+)+' } } },
    ...[
      '^(a+)+$',
      '^(a|a)*$',
      '(a|b)+',
      'a+',
      '^a|b+',
      '^a*a*$',
      '^(?=a)',
      '^(a)\\1$',
      '^(a|b)(a|b)',
      '^(ab)?',
    ].map(pattern),
  ])('is not: %j', (schema) => {
    expect(isCheap(schema)).toBe(false);
  });

  it('is cheap up to a size of schema and value together', () => {
    const schema = { items: { anyOf: [{ type: 'string' }, { type: 'number' }] } };
    expect(isCheap(schema, 100_000)).toBe(true);
    expect(isCheap(schema, 100_000_000)).toBe(false);
  });

  it('counts what references write out, and looks at no more than it must', () => {
    // Each definition asks twice for the next one: 2^40 places.
    const doubling = Object.fromEntries(
      Array.from({ length: 40 }, (_, n) => [
        `d${n}`,
        { allOf: [{ $ref: `#/$defs/d${n + 1}` }, { $ref: `#/$defs/d${n + 1}` }] },
      ]),
    );
    expect(isCheap({ $defs: { ...doubling, d40: {} }, $ref: '#/$defs/d0' })).toBe(false);
    let deep: JsonSchema = {};
    for (let n = 0; n < 100_000; n += 1) deep = { not: deep };
    expect(isCheap(deep)).toBe(false);
  });
});
