import { describe, expect, it } from 'vitest';
import { found } from './find.test-support.js';
import { phone } from './phone.js';

describe('phone', () => {
  it.each([
    '+14155552671',
    '+1 415-555-2671',
    '+1 (415) 555-2671',
    '(415) 555-2671',
    '415-555-2671',
    '415.555.2671',
    '415 555 2671',
    '1-415-555-2671',
    '555-123-4567',
    '+44 20 7946 0958',
    '+44 (0)20 7946 0958',
    '+49 30 1234567',
    '+33 1 23 45 67 89',
    '+91 98765 43210',
    '0049 30 12345678',
  ])('finds %s', (text) => {
    expect(found(phone, `call ${text}, thanks`)).toEqual([text]);
    expect(found(phone, text)).toEqual([text]);
  });

  it('takes the number and leaves the digits behind it', () => {
    expect(found(phone, '+14155552671 1234567')).toEqual(['+14155552671']);
    expect(found(phone, 'call 5 415-555-2671')).toEqual(['415-555-2671']);
  });

  it('finds ten bare digits in a member that is named like a phone', () => {
    expect(found(phone, '4155552671', 'phone_number')).toEqual(['4155552671']);
    expect(found(phone, '4155552671', 'mobile')).toEqual(['4155552671']);
    expect(found(phone, '4155552671', 'tel')).toEqual(['4155552671']);
    expect(found(phone, '4155552671', 'hotel_id')).toEqual([]);
  });

  it.each([
    ['4155552671', 'ten bare digits'],
    ['2024-01-15', 'a date'],
    ['2024-01-15 10:30:00', 'a date with its time'],
    ['115-555-2671', 'an area code that starts with 1'],
    ['+1 115 555 2671', 'the same, international'],
    ['1+12345678', 'arithmetic'],
    ['+1234', 'too few digits'],
    ['v415-555-26710', 'part of something longer'],
    ['12-415-555-2671', 'part of a longer number'],
    ['123-45-6789', 'a Social Security number'],
    ['00123', 'a padded number'],
    ['0000004155552671', 'a padded long number'],
  ])('leaves %s: %s', (text) => {
    expect(found(phone, text)).toEqual([]);
  });

  it('keeps the last four digits in a partial mask, and one number has one canonical text', () => {
    expect(phone.partial('+1 (415) 555-2671')).toBe('+* (***) ***-2671');
    expect(phone.canonical('+1 (415) 555-2671')).toBe(phone.canonical('415.555.2671'));
  });
});
