import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { JsonText, isRawNumber, parseJson, stringifyJson } from './index.js';

afterEach(() => {
  vi.restoreAllMocks();
});

describe('parseJson', () => {
  test.each([
    '9007199254740993',
    '-9007199254740993',
    '10.0',
    '1.50',
    '1e5',
    '1E5',
    '1e+5',
    '1e400',
    '-0',
    '-0.0',
    '0.00000001',
    '0.1000000000000000055511151231257827',
    '123456789012345678901234567890',
    '3.141592653589793238462643383279',
    '1e-7',
    '100000000000000000000000',
  ])('%s survives reading and writing, wherever it stands', (number) => {
    for (const text of [number, `[${number},1]`, `{"a":{"b":${number}}}`])
      expect(stringifyJson(parseJson(text))).toBe(text);
  });

  test('an ordinary number is a number', () => {
    expect(parseJson('[0,1,-2,3.25,1000000,1700000000000]')).toEqual([
      0, 1, -2, 3.25, 1_000_000, 1_700_000_000_000,
    ]);
  });

  test('only a number that would be lost is raw', () => {
    const [exact, lost] = parseJson('[1,9007199254740993]') as [unknown, unknown];
    expect([isRawNumber(exact), isRawNumber(lost)]).toEqual([false, true]);
  });

  test('a number inside a string is a string', () => {
    expect(parseJson('{"a":"9007199254740993 and 10.0"}')).toEqual({ a: '9007199254740993 and 10.0' });
  });

  test.each(['2026-01-01T00:00:00.000Z', '0199e1a2-7e40-7e21-80e3-0e1f5a9d7e55', 'from -0.5 to 10.0x'])(
    '%s in a string does not make a value be looked at member by member',
    (text) => {
      const parse = vi.spyOn(JSON, 'parse');
      expect(parseJson(`{"a":"${text}"}`)).toEqual({ a: text });
      expect(parse.mock.lastCall).toHaveLength(1);
    },
  );

  test('a member named __proto__ is a member', () => {
    expect(Object.keys(parseJson('{"__proto__":10.0}') as object)).toEqual(['__proto__']);
  });

  test('text that is no JSON is a SyntaxError', () => {
    expect(() => parseJson('{"a":1e}')).toThrow(SyntaxError);
  });

  test('every number text that JSON permits comes out as it went in', () => {
    const digits = fc.stringMatching(/^\d{1,24}$/);
    const whole = fc.stringMatching(/^(?:0|[1-9]\d{0,24})$/);
    const number = fc
      .record({
        sign: fc.constantFrom('', '-'),
        whole,
        fraction: fc.option(digits, { nil: undefined }),
        exponent: fc.option(
          fc.tuple(fc.constantFrom('e', 'E', 'e+', 'E-', 'e-'), fc.stringMatching(/^\d{1,3}$/)),
          { nil: undefined },
        ),
      })
      .map(
        ({ sign, whole: left, fraction, exponent }) =>
          `${sign}${left}${fraction === undefined ? '' : `.${fraction}`}${exponent === undefined ? '' : exponent.join('')}`,
      );
    fc.assert(
      fc.property(number, number, (one, other) => {
        const text = `{"a":${one},"b":[${other},"x"]}`;
        expect(stringifyJson(parseJson(text))).toBe(text);
      }),
      { numRuns: 3_000 },
    );
  });

  test('reads every JSON text as JSON.parse does, but for such numbers', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        expect(stringifyJson(parseJson(text))).toBe(text);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('JsonText', () => {
  test('inside a value is written as what it holds', () => {
    expect(stringifyJson({ a: new JsonText('{ "n": 10.0 }') })).toBe('{"a":{"n":10.0}}');
  });
});

test('undefined is written as null', () => {
  expect(stringifyJson(undefined)).toBe('null');
});
