import { digitsOf, isDigit, isLetterOrDigit, isSeparator, maskDigits } from './characters.js';
import type { Detector, Span } from './detector.js';

/** ITU-T E.164: at most 15 digits with the country code; below 8 it is more often arithmetic than a number. */
const MIN_INTERNATIONAL = 8;
const MAX_INTERNATIONAL = 15;
/** With 00 in front instead of +: zero-padded serial numbers are shorter. */
const MIN_WITH_ZEROS = 10;
/** The longest spelling that is followed: digits, separators, brackets. */
const MAX_SPELLING = 32;
/** Separator characters in a row: ") " has two. */
const MAX_GAP = 2;

// The North American plan, written in its groups: (415) 555-2671, 1-415-555-2671, 415.555.2671. An exchange code that is
// never assigned (555-123-4567) is taken too, because people write examples that way.
const NANP =
  /(?<![\p{L}\p{N}]|\p{N}[-.])(?:1[-. \u00a0])?(?:\([2-9]\d{2}\)[-. \u00a0]?|[2-9]\d{2}[-.\u2010-\u2015 \u00a0])\d{3}[-.\u2010-\u2015 \u00a0]\d{4}(?![\p{L}\p{N}]|[-.]\d)/gu;
const BARE = /(?<![\p{L}\p{N}.])1?[2-9]\d{9}(?![\p{L}\p{N}.])/gu;
const LABEL = /phone|mobile|telephone|(?:^|[_-])tel(?:$|[_-])|fax|whatsapp|msisdn/;

/** Phone numbers: international with + or 00, North American in groups, and ten bare digits in a member named like a phone. */
export const phone: Detector = {
  name: 'phone',
  numbers: true,
  find(text, label) {
    if (text.length < 8) return [];
    const spans = internationalNumbers(text);
    for (const match of text.matchAll(NANP))
      spans.push({ start: match.index, end: match.index + match[0].length });
    if (LABEL.test(label)) {
      for (const match of text.matchAll(BARE))
        spans.push({ start: match.index, end: match.index + match[0].length });
    }
    return withoutInner(spans);
  },
  canonical: (value) =>
    digitsOf(value)
      .replace(/^00/, '')
      .replace(/^1(?=\d{10}$)/, ''),
  partial: (value) => maskDigits(value, 4),
};

function internationalNumbers(text: string): Span[] {
  const spans: Span[] = [];
  for (const match of text.matchAll(/\+|(?<![\p{L}\p{N}.:,-])00(?=[1-9])/gu)) {
    const start = match.index;
    if (start < (spans.at(-1)?.end ?? 0) || isLetterOrDigit(text.charAt(start - 1))) continue;
    const end = endOfNumber(
      text,
      start + match[0].length,
      match[0] === '+' ? MIN_INTERNATIONAL : MIN_WITH_ZEROS,
    );
    if (end !== undefined) spans.push({ start, end });
  }
  return spans;
}

/** Where the number ends whose country code starts at `from`: behind the last group with which it is one. */
function endOfNumber(text: string, from: number, minDigits: number): number | undefined {
  if (text.charAt(from) === '0') return undefined;
  const stop = Math.min(text.length, from + MAX_SPELLING);
  let digits = '';
  let found: number | undefined;
  for (let position = from, gap = 0; position < stop && gap <= MAX_GAP; position += 1) {
    const character = text.charAt(position);
    if (isDigit(text.charCodeAt(position))) {
      digits += character;
      gap = 0;
      if (digits.length > MAX_INTERNATIONAL) break;
      const next = text.charAt(position + 1);
      if (!isLetterOrDigit(next) && isInternational(digits, minDigits)) found = position + 1;
    } else if (digits !== '' && (isSeparator(character) || /[()/]/.test(character))) gap += 1;
    else break;
  }
  return found;
}

/** Country code 1 is North America, where exactly ten digits follow. */
function isInternational(digits: string, minDigits: number): boolean {
  return digits.startsWith('1') ? /^1[2-9]\d{9}$/.test(digits) : digits.length >= minDigits;
}

function withoutInner(spans: readonly Span[]): Span[] {
  const sorted = [...spans].sort((a, b) => a.start - b.start || b.end - a.end);
  const kept: Span[] = [];
  for (const span of sorted) {
    if (span.start >= (kept.at(-1)?.end ?? 0)) kept.push(span);
  }
  return kept;
}
