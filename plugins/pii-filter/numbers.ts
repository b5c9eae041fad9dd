import type { RawNumber } from '@bulkhead/sdk';

// In Node since 21; not yet in TypeScript's library.
declare global {
  interface JSON {
    isRawJSON(value: unknown): value is RawNumber;
  }
}

/** Digits that a detector can still match; longer numbers are no personal data. */
const MAX_DIGITS = 19;

/** Whether a value is a number that keeps its source text. A payload's own object with such a member is not one. */
export function isRawNumber(value: unknown): value is RawNumber {
  return JSON.isRawJSON(value);
}

/**
 * The digits of a JSON number that is whole, however it is spelt: 4111111111111111.0 and 4.111111111111111e15 are the
 * same number to whoever reads it. Nothing for a fraction or one longer than any detector's match. The sign is left out.
 */
export function wholeDigits(source: string): string | undefined {
  const match = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(source);
  if (match === null) return undefined;
  const [, whole = '', fraction = '', exponent = '0'] = match;
  const shift = Number(exponent) - fraction.length;
  const digits = (whole + fraction).replace(/^0+/, '');
  if (shift >= 0)
    return digits !== '' && digits.length + shift <= MAX_DIGITS ? digits + '0'.repeat(shift) : undefined;
  const cut = digits.length + shift;
  if (cut <= 0 || cut > MAX_DIGITS || !/^0+$/.test(digits.slice(cut))) return undefined;
  return digits.slice(0, cut);
}
