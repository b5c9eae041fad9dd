import type { Detector, Span } from './detector.js';
import { IBAN_LENGTHS } from './iban-lengths.js';

const START = /(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}/g;
const ALPHANUMERIC = /[A-Za-z0-9]/;
const GROUP_SEPARATOR = /[ \u00a0\u202f-]/;

/** The check of ISO 13616: moved four characters, letters as numbers, the remainder by 97 is 1. */
export function passesMod97(iban: string): boolean {
  let remainder = 0;
  for (const character of iban.slice(4) + iban.slice(0, 4)) {
    const value = Number.parseInt(character, 36);
    remainder = (value < 10 ? remainder * 10 + value : remainder * 100 + value) % 97;
  }
  return remainder === 1;
}

/** IBANs of every country of the registry, in one run or in groups, with length and checksum. */
export const iban: Detector = {
  name: 'iban',
  numbers: false,
  find(text) {
    if (text.length < 15) return [];
    const spans: Span[] = [];
    for (const match of text.matchAll(START)) {
      if (match.index < (spans.at(-1)?.end ?? 0)) continue;
      const length = IBAN_LENGTHS[match[0].slice(0, 2).toUpperCase()];
      const end = length === undefined ? undefined : endOfIban(text, match.index, length);
      if (end !== undefined) spans.push({ start: match.index, end });
    }
    return spans;
  },
  canonical: (value) => value.replace(/[^A-Za-z0-9]+/g, '').toUpperCase(),
  partial(value) {
    const compact = iban.canonical(value);
    return `${compact.slice(0, 2)}${'*'.repeat(compact.length - 6)}${compact.slice(-4)}`;
  },
};

function endOfIban(text: string, start: number, length: number): number | undefined {
  let compact = '';
  let position = start;
  while (compact.length < length) {
    const character = text.charAt(position);
    if (ALPHANUMERIC.test(character)) compact += character.toUpperCase();
    else if (!GROUP_SEPARATOR.test(character) || !ALPHANUMERIC.test(text.charAt(position - 1)))
      return undefined;
    position += 1;
  }
  return !ALPHANUMERIC.test(text.charAt(position)) && passesMod97(compact) ? position : undefined;
}
