import { digitsOf, maskDigits } from './characters.js';
import type { Detector, Span } from './detector.js';

const GROUPED =
  /(?<!\d|\d[-\u2010-\u2015])\d{3}([-\u2010-\u2015 \u00a0])\d{2}\1\d{4}(?![-\u2010-\u2015]?\d)/g;
const BARE = /(?<!\d)\d{9}(?!\d)/g;
const SAYS_SSN = /ssn|social[ _-]?security/i;
/** How far in front of nine bare digits the words may stand. */
const CONTEXT_CHARACTERS = 40;

/**
 * The rules by which the Social Security Administration never issued a number: area 000, 666 and 900 to 999,
 * group 00, serial 0000.
 */
export function isSsn(digits: string): boolean {
  if (digits.length !== 9) return false;
  const area = digits.slice(0, 3);
  return (
    area !== '000' &&
    area !== '666' &&
    area < '900' &&
    digits.slice(3, 5) !== '00' &&
    digits.slice(5) !== '0000'
  );
}

/** United States Social Security numbers: 3-2-4, or nine bare digits where the text or the member's name says so. */
export const ssn: Detector = {
  name: 'ssn',
  numbers: true,
  find(text, label) {
    if (text.length < 9) return [];
    const spans: Span[] = [];
    for (const match of text.matchAll(GROUPED)) {
      if (isSsn(digitsOf(match[0]))) spans.push({ start: match.index, end: match.index + match[0].length });
    }
    const named = SAYS_SSN.test(label);
    if (!named && !SAYS_SSN.test(text)) return spans;
    for (const match of text.matchAll(BARE)) {
      const before = text.slice(Math.max(0, match.index - CONTEXT_CHARACTERS), match.index);
      if (isSsn(match[0]) && (named || SAYS_SSN.test(before))) {
        spans.push({ start: match.index, end: match.index + 9 });
      }
    }
    return spans.sort((a, b) => a.start - b.start);
  },
  canonical: digitsOf,
  partial: (value) => maskDigits(value, 4),
};
