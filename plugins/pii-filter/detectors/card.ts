import { digitsOf, isDigit, maskDigits } from './characters.js';
import type { Detector, Span } from './detector.js';
import { digitChains, type DigitGroup } from './digit-groups.js';

const MIN_DIGITS = 13;
const MAX_DIGITS = 19;

/** The check digit rule of ISO/IEC 7812-1, annex B. */
export function passesLuhn(digits: string): boolean {
  let sum = 0;
  for (let index = digits.length - 1, double = false; index >= 0; index -= 1, double = !double) {
    const digit = digits.charCodeAt(index) - 48;
    sum += double ? (digit > 4 ? digit * 2 - 9 : digit * 2) : digit;
  }
  return sum % 10 === 0;
}

/**
 * Whether digits can be a payment card: length, check digit, and a first digit that the card schemes use (2 to 6).
 * The first digit keeps timestamps in milliseconds and most serial numbers out; a card of 13 digits starts with 4, 5 or 6.
 */
export function isCardNumber(digits: string): boolean {
  if (digits.length < MIN_DIGITS || digits.length > MAX_DIGITS) return false;
  const first = digits.charCodeAt(0) - 48;
  if (first < (digits.length === MIN_DIGITS ? 4 : 2) || first > 6) return false;
  return passesLuhn(digits);
}

/** Payment cards: 13 to 19 digits in one run or in groups, with the Luhn check. */
export const card: Detector = {
  name: 'card',
  numbers: true,
  find(text) {
    if (text.length < MIN_DIGITS) return [];
    const spans: Span[] = [];
    for (const chain of digitChains(text)) findInChain(text, chain, spans);
    return spans;
  },
  canonical: digitsOf,
  partial: (value) => maskDigits(value, 4),
};

function findInChain(text: string, chain: readonly DigitGroup[], spans: Span[]): void {
  let index = 0;
  while (index < chain.length) {
    const last = longestCard(text, chain, index);
    const first = chain[index];
    const end = chain[last ?? index]?.end;
    if (last === undefined || first === undefined || end === undefined) index += 1;
    else {
      spans.push({ start: first.start, end });
      index = last + 1;
    }
  }
}

/** The index of the last group of the longest card that starts with group `from`. Looks at 19 digits at most. */
function longestCard(text: string, chain: readonly DigitGroup[], from: number): number | undefined {
  let digits = '';
  let singles = 0;
  let found: number | undefined;
  for (let index = from; index < chain.length; index += 1) {
    const group = chain[index];
    if (group === undefined || digits.length + group.end - group.start > MAX_DIGITS) break;
    digits += text.slice(group.start, group.end);
    if (group.end - group.start === 1) singles += 1;
    if (digits.length < MIN_DIGITS) continue;
    const groups = index - from + 1;
    if (groups === 1 && isFraction(text, group)) continue;
    // Lone digits are mostly lists of small numbers, so they count only where the whole chain is one card.
    if (singles > 1 && groups !== chain.length) continue;
    if (isCardNumber(digits)) found = index;
  }
  return found;
}

/** The digits behind a decimal point are no card. */
function isFraction(text: string, group: DigitGroup): boolean {
  return text.charAt(group.start - 1) === '.' && isDigit(text.charCodeAt(group.start - 2));
}
