import { isIPv6 } from 'node:net';
import { isLetterOrDigit } from './characters.js';
import type { Detector, Span } from './detector.js';

const CANDIDATE = /[0-9A-Fa-f:][0-9A-Fa-f:.]*/g;
/** 8 groups, or 6 groups and an IPv4 address in full. */
const MAX_LENGTH = 45;
const UNSPECIFIED_OR_LOOPBACK = /^[0:]*:0{0,3}[01]?$/;

/** IPv6 addresses in every spelling. The unspecified address and loopback stay, and so does one without any digit: `a::b` is code. */
export const ipv6: Detector = {
  name: 'ipv6',
  numbers: false,
  find(text) {
    if (text.length < 3 || !text.includes(':')) return [];
    const spans: Span[] = [];
    for (const match of text.matchAll(CANDIDATE)) {
      if (match[0].length < 3 || isLetterOrDigit(text.charAt(match.index + match[0].length))) continue;
      const found = addressIn(match[0], isLetterOrDigit(text.charAt(match.index - 1)));
      if (found !== undefined) spans.push({ start: match.index + found.start, end: match.index + found.end });
    }
    return spans;
  },
  canonical: (value) => new URL(`http://[${value}]`).hostname.slice(1, -1),
  partial: (value) => `${ipv6.canonical(value).split(':').slice(0, 2).join(':')}:*`,
};

/**
 * The address in a run of hexadecimal digits, colons and dots. A word in front ("interface:2001:db8::1") ends at the first colon;
 * a full stop or a colon behind belongs to the sentence.
 */
function addressIn(run: string, insideWord: boolean): Span | undefined {
  const colon = run.indexOf(':');
  for (const start of insideWord ? [colon + 1] : [0, colon + 1]) {
    for (const end of [run.length, run.length - 1]) {
      if (end - start <= MAX_LENGTH && isAddress(run.slice(start, end))) return { start, end };
    }
  }
  return undefined;
}

function isAddress(text: string): boolean {
  return isIPv6(text) && /\d/.test(text) && !UNSPECIFIED_OR_LOOPBACK.test(text);
}
