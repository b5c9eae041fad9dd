import { describe, expect, test } from 'vitest';
import { parseTimes } from './schedule-times.js';

const at = (text: string): number => Date.parse(text);
const fires = (cron: string, timezone: string, from: string, count: number): string[] => {
  const times = parseTimes(cron, timezone);
  const found: string[] = [];
  let after = at(from);
  for (let n = 0; n < count; n += 1) {
    after = times.next(after) ?? Number.NaN;
    found.push(new Date(after).toISOString());
  }
  return found;
};

describe('times of a schedule', () => {
  test('a set hour is that of the time zone, in winter and in summer', () => {
    expect(fires('0 9 * * *', 'America/New_York', '2026-03-07T00:00:00Z', 3)).toEqual([
      '2026-03-07T14:00:00.000Z',
      '2026-03-08T13:00:00.000Z',
      '2026-03-09T13:00:00.000Z',
    ]);
  });

  test('a fire at a time that does not exist comes when the clock has jumped', () => {
    expect(fires('30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z', 2)).toEqual([
      '2026-03-29T01:00:00.000Z',
      '2026-03-30T00:30:00.000Z',
    ]);
  });

  test('a fire at a time that comes twice comes the first time', () => {
    expect(fires('30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00Z', 2)).toEqual([
      '2026-10-25T00:30:00.000Z',
      '2026-10-26T01:30:00.000Z',
    ]);
  });

  test('one for every hour fires in both hours that have one name', () => {
    expect(fires('0 * * * *', 'Europe/Berlin', '2026-10-24T23:30:00Z', 4)).toEqual([
      '2026-10-25T00:00:00.000Z',
      '2026-10-25T01:00:00.000Z',
      '2026-10-25T02:00:00.000Z',
      '2026-10-25T03:00:00.000Z',
    ]);
  });

  test.each([
    ['2026-01-01T00:00:00Z', undefined],
    ['2026-01-01T00:05:00Z', at('2026-01-01T00:05:00Z')],
    ['2026-01-01T00:09:59Z', at('2026-01-01T00:05:00Z')],
    ['2026-01-01T00:10:00Z', at('2026-01-01T00:10:00Z')],
    ['2029-01-01T00:00:00Z', at('2029-01-01T00:00:00Z')],
  ])('what is due at %s', (now, due) => {
    const times = parseTimes('*/5 * * * *', 'UTC');
    expect(times.due(at('2026-01-01T00:00:00Z'), at(now))).toEqual(due);
  });

  test.each([
    ['* * * *', 'UTC', 'cron'],
    ['* * * * * *', 'UTC', 'cron'],
    ['@daily', 'UTC', 'cron'],
    ['61 * * * *', 'UTC', 'cron'],
    ['0 0 30 2 *', 'UTC', 'cron'],
    ['0 0 * * *', 'Mars/Base', 'timezone'],
  ])('refuses %j in %s', (cron, timezone, field) => {
    expect(() => parseTimes(cron, timezone)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', field }),
    );
  });
});
