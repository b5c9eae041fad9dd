import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonValue } from '@bulkhead/sdk';
import { configWith } from './config.test-support.js';
import { createFilter } from './filter.js';

const filter = createFilter(configWith());

describe('createFilter', () => {
  it('masks at every depth of lists and objects and leaves the rest', () => {
    const value = {
      a: [{ b: 'card 4111-1111-1111-1111' }, 1, null, true],
      c: 'plain',
      d: { e: 'ada@example.com' },
    };
    expect(filter(value)).toEqual({
      value: { a: [{ b: 'card [CARD]' }, 1, null, true], c: 'plain', d: { e: '[EMAIL]' } },
      counts: { card: 1, email: 1 },
      found: 2,
      deepest: 3,
    });
  });

  it('hands back the very same object when nothing is found, and the very same parts where nothing was', () => {
    const clean = { a: [1, 2, { b: 'text 2026-11-21' }] };
    expect(filter(clean).value).toBe(clean);
    const part = { x: 'nothing' };
    const { value } = filter({ part, email: 'ada@example.com' });
    expect(value).toEqual({ part, email: '[EMAIL]' });
    expect(Reflect.get(Object(value), 'part')).toBe(part);
  });

  it('never changes what it was given', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), (json, key) => {
        const value: JsonValue = { [key]: 'ada@example.com', json: json as JsonValue };
        const before = JSON.stringify(value);
        filter(value);
        expect(JSON.stringify(value)).toBe(before);
      }),
    );
  });

  it('leaves any JSON without digits and @ as it is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        fc.pre(!/[\d@]/.test(JSON.stringify(json)));
        expect(filter(json as JsonValue).value).toBe(json);
      }),
    );
  });

  it('finds what was put into any JSON, wherever it stands', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom('list', 'member', 'name'), (json, where) => {
        const secret = 'ada@example.com';
        const value =
          where === 'list'
            ? [json, secret]
            : where === 'member'
              ? { x: json, y: secret }
              : { [secret]: json };
        expect(JSON.stringify(filter(value as JsonValue).value)).not.toContain(secret);
      }),
    );
  });

  it('finds a card that stands as a number, however the number is spelt', () => {
    const numbers = '[4111111111111111, 4111111111111111.0, 4.111111111111111e15, 6304000000000000000, 12]';
    const parsed = JSON.parse(numbers, (_key, value, { source }) =>
      typeof value === 'number' && source !== undefined && String(value) !== source
        ? JSON.rawJSON(source)
        : value,
    ) as JsonValue;
    expect(JSON.stringify(filter(parsed).value)).toBe('["[CARD]","[CARD]","[CARD]","[CARD]",12]');
  });

  it('keeps the source text of every other number', () => {
    const value = {
      big: JSON.rawJSON('9007199254740993'),
      ten: JSON.rawJSON('10.0'),
      mail: 'ada@example.com',
    };
    expect(JSON.stringify(filter(value).value)).toBe('{"big":9007199254740993,"ten":10.0,"mail":"[EMAIL]"}');
  });

  it('takes an object with a member rawJSON for what it is', () => {
    expect(filter({ rawJSON: 'ada@example.com' }).value).toEqual({ rawJSON: '[EMAIL]' });
  });

  it('uses the name of a member to know bare digits', () => {
    expect(
      filter({ ssn: 123456789, phone: 4155552671, id: 123456789, phones: ['4155552671'] }).value,
    ).toEqual({
      ssn: '[SSN]',
      phone: '[PHONE]',
      id: 123456789,
      phones: ['[PHONE]'],
    });
  });

  it('masks names of members, and tells apart those that become one', () => {
    const value = { 'ada@example.com': 1, 'bob@example.com': 'carl@example.com', other: 2 };
    expect(filter(value).value).toEqual({ '[EMAIL]': 1, '[EMAIL] 2': '[EMAIL]', other: 2 });
    expect(createFilter(configWith({ scan_keys: false }))(value).value).toEqual({
      'ada@example.com': 1,
      'bob@example.com': '[EMAIL]',
      other: 2,
    });
  });

  it('keeps a member named __proto__ a member', () => {
    const value = JSON.parse('{"__proto__":{"mail":"ada@example.com"},"x":"ada@example.com"}') as JsonValue;
    expect(JSON.stringify(filter(value).value)).toBe('{"__proto__":{"mail":"[EMAIL]"},"x":"[EMAIL]"}');
  });

  it('keeps JSON inside a string valid', () => {
    const { value } = filter({
      arguments: '{"card": 4111111111111111, "n": 10.0}',
      text: '{"card":"4111111111111111"}',
    });
    expect(value).toEqual({ arguments: '{"card":"[CARD]","n":10.0}', text: '{"card":"[CARD]"}' });
  });

  it('rather breaks JSON inside a string than leaves a value that only the whole text shows', () => {
    const { value } = filter({ text: '{"type":"ssn","value":123456789}' });
    expect(value).toEqual({ text: '{"type":"ssn","value":[SSN]}' });
  });

  it('masks overlapping matches as one', () => {
    const both = createFilter(configWith({ detectors: { ssn: { strategy: 'partial' } } }));
    const { value } = both('http://203.0.113.7@example.com 123-45-6789');
    expect(JSON.stringify(value)).not.toMatch(/203|113|12/);
  });

  it('survives nesting that no recursion would', () => {
    const depth = 200_000;
    let value: JsonValue = 'ada@example.com';
    for (let level = 0; level < depth; level += 1) value = [value];
    expect(filter(value)).toMatchObject({ found: 1, deepest: depth });
  });

  it('applies the strategy of each detector', () => {
    const config = configWith({
      strategy: 'partial',
      hash_key: 'sixteen characters',
      detectors: { email: { strategy: 'hash' }, ssn: { strategy: 'remove' }, ipv4: { enabled: false } },
    });
    const { value } = createFilter(config)([
      '4111-1111-1111-1111',
      'ADA@example.com',
      'x 123-45-6789 y',
      '10.1.2.3',
    ]);
    expect(value).toEqual([
      '****-****-****-1111',
      expect.stringMatching(/^\[EMAIL:[0-9a-f]{16}\]$/),
      'x  y',
      '10.1.2.3',
    ]);
  });

  it('hashes equal values to equal texts under one key, and to others under another', () => {
    const hashed = (key: string | undefined, text: string): JsonValue =>
      createFilter(configWith({ strategy: 'hash', ...(key === undefined ? {} : { hash_key: key }) }))(text)
        .value;
    expect(hashed('a key of sixteen', '4111-1111-1111-1111')).toBe(
      hashed('a key of sixteen', '4111 1111 1111 1111'),
    );
    expect(hashed('a key of sixteen', '4111-1111-1111-1111')).not.toBe(
      hashed('another key of 16', '4111111111111111'),
    );
    expect(hashed(undefined, '4111-1111-1111-1111')).not.toBe(hashed(undefined, '4111-1111-1111-1111'));
  });

  it('leaves allowed values and allowed fields', () => {
    const config = configWith({
      allow_values: ['*@EXAMPLE.com', '10.0.*'],
      allow_fields: ['trace_id', '/people/*/mail'],
    });
    const value = {
      a: 'ada@example.com and bob@other.org from 10.0.0.1',
      deep: { trace_id: ['4111111111111111'] },
      people: [{ mail: 'x@y.org', other: 'x@y.org' }],
    };
    expect(createFilter(config)(value).value).toEqual({
      a: 'ada@example.com and [EMAIL] from 10.0.0.1',
      deep: { trace_id: ['4111111111111111'] },
      people: [{ mail: 'x@y.org', other: '[EMAIL]' }],
    });
  });
});
