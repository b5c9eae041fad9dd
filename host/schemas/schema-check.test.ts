import { afterAll, describe, expect, test } from 'vitest';
import { ErrorCode } from '@bulkhead/proto';
import { systemClock } from '../clock.js';
import { createSchemaCheck } from './schema-check.js';

const check = createSchemaCheck({ clock: systemClock, timeoutMs: 500 });
const other = createSchemaCheck({ clock: systemClock });
const text = (value: unknown): string => JSON.stringify(value);

/** Each level is asked twice what lies below it. */
const TWICE = {
  properties: { a: { allOf: [{ $ref: '#' }, { $ref: '#' }] } },
};

function nested(levels: number): unknown {
  let value: unknown = {};
  for (let level = 0; level < levels; level += 1) value = { a: value };
  return value;
}

afterAll(async () => {
  await Promise.all([check.close(), other.close()]);
});

describe('a schema that somebody wrote', () => {
  test('says what is wrong with a value', async () => {
    const schema = { type: 'object', properties: { n: { type: 'number' } }, required: ['m'] };
    expect(await check.problems(schema, text({ m: 1 }), ErrorCode.INVALID_ARGUMENT)).toEqual([]);
    const problems = await check.problems(schema, text({ n: 'x' }), ErrorCode.INVALID_ARGUMENT);
    expect(problems.map(({ code }) => code)).toContain(ErrorCode.INVALID_ARGUMENT);
    expect(problems).toHaveLength(2);
  });

  test('that is none is said to be none, and the next one is checked', async () => {
    const bad = check.problems({ type: 'nothing' }, '1', ErrorCode.INVALID_ARGUMENT);
    const good = check.problems({ type: 'number' }, '1', ErrorCode.INVALID_ARGUMENT);
    await expect(bad).rejects.toThrow('type');
    expect(await good).toEqual([]);
  });

  test.each([
    ['a pattern that backtracks', { type: 'string', pattern: '^(a+)+$' }, `${'a'.repeat(40)}!`],
    ['uniqueItems', { uniqueItems: true }, Array.from({ length: 200_000 }, (_, index) => ({ index }))],
    ['references that double', TWICE, nested(50)],
  ])(
    'with %s stops neither the host nor the check of others, and is not tried again',
    async (_, schema, value) => {
      const slow = check.problems(schema, text(value), ErrorCode.INVALID_ARGUMENT);
      const again = check.problems(schema, text(value), ErrorCode.INVALID_ARGUMENT);
      const after = check.problems({ type: 'string' }, '"x"', ErrorCode.INVALID_ARGUMENT);
      let beats = 0;
      const timer = setInterval(() => (beats += 1), 10);
      try {
        await Promise.all([
          expect(slow).rejects.toThrow('longer than'),
          expect(again).rejects.toThrow('longer than'),
        ]);
      } finally {
        clearInterval(timer);
      }
      expect(beats).toBeGreaterThan(1);
      expect(await after).toEqual([]);
      await expect(check.problems(schema, 'null', ErrorCode.INVALID_ARGUMENT)).rejects.toThrow('longer than');
    },
  );

  test('takes no more time of others than three checks, however many slow ones its owner has', async () => {
    const slow = Array.from({ length: 8 }, (_, at) => ({ type: 'string', pattern: `^(a+)+${String(at)}$` }));
    const checks = slow.map((schema) =>
      check.problems(schema, text(`${'a'.repeat(40)}!`), ErrorCode.INVALID_ARGUMENT, 'slow'),
    );
    const settled: string[] = [];
    checks.forEach((one, at) => void one.catch(() => settled.push(`slow ${String(at)}`)));
    const mine = check.problems({ type: 'string' }, '"x"', ErrorCode.INVALID_ARGUMENT, 'quick');
    void mine.then(() => settled.push('quick'));
    await Promise.allSettled(checks);
    expect(await mine).toEqual([]);
    expect(settled.indexOf('quick')).toBeLessThanOrEqual(2);
    // The fourth to the eighth were never begun.
    const again = check.problems({ type: 'string' }, '"x"', ErrorCode.INVALID_ARGUMENT, 'slow');
    await expect(again).rejects.toThrow('longer than');
  });

  test('is not checked any more when the host stops', async () => {
    const left = other.problems({ type: 'string' }, '"x"', ErrorCode.INVALID_ARGUMENT);
    await Promise.all([other.close(), expect(left).rejects.toThrow('no more')]);
    await expect(other.problems({}, '1', ErrorCode.INVALID_ARGUMENT)).rejects.toThrow('no more');
  });
});
