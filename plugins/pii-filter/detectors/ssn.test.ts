import { describe, expect, it } from 'vitest';
import { found } from './find.test-support.js';
import { ssn } from './ssn.js';

describe('ssn', () => {
  it.each(['123-45-6789', '123 45 6789', '001-01-0001', '899-99-9999', '123\u201345\u20136789'])(
    'finds %s',
    (text) => {
      expect(found(ssn, `his number is ${text}.`)).toEqual([text]);
    },
  );

  it.each([
    ['000-12-3456', 'area 000'],
    ['666-12-3456', 'area 666'],
    ['900-12-3456', 'area 900 and up'],
    ['123-00-6789', 'group 00'],
    ['123-45-0000', 'serial 0000'],
    ['123-45 6789', 'mixed separators'],
    ['1123-45-6789', 'four digits in front'],
    ['123-45-67890', 'five digits behind'],
    ['2024-123-45-6789', 'a longer number'],
    ['123456789', 'nine bare digits that nobody calls an SSN'],
  ])('leaves %s: %s', (text) => {
    expect(found(ssn, text)).toEqual([]);
  });

  it('finds nine bare digits where the text or the name of the member says what they are', () => {
    expect(found(ssn, 'SSN: 123456789')).toEqual(['123456789']);
    expect(found(ssn, 'social security number 123456789')).toEqual(['123456789']);
    expect(found(ssn, '123456789', 'applicant_ssn')).toEqual(['123456789']);
    expect(found(ssn, '000456789', 'ssn')).toEqual([]);
    expect(found(ssn, `SSN unknown. ${'x'.repeat(60)} 123456789`)).toEqual([]);
  });

  it('keeps the last four digits in a partial mask', () => {
    expect(ssn.partial('123-45-6789')).toBe('***-**-6789');
  });
});
