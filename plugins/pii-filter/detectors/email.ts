import type { Detector, Span } from './detector.js';

/** RFC 5321, 4.5.3.1: the longest local part and the longest domain. */
const MAX_LOCAL = 64;
const MAX_DOMAIN = 255;

/** The `@`, also as it stands in a URL. */
const AT = /@|%40/g;
// A narrower set than RFC 5322 has: '=' and '/' would take 'mail=' and 'mailto:/' into the match.
const ASCII_LOCAL = Array.from({ length: 128 }, (_, code) =>
  /[A-Za-z0-9._%+'&~-]/.test(String.fromCharCode(code)),
);
const LETTER = /[\p{L}\p{N}]/u;
const DOMAIN = /[\p{L}\p{N}.-]/u;
const TOP_LEVEL = /^(?:\p{L}{2,63}|xn--[a-z0-9-]{1,59})$/iu;

/** E-mail addresses, international ones too. */
export const email: Detector = {
  name: 'email',
  numbers: false,
  find(text) {
    if (!text.includes('@') && !text.includes('%40')) return [];
    const spans: Span[] = [];
    for (const at of text.matchAll(AT)) {
      const behind = at.index + at[0].length;
      const start = localStart(text, at.index);
      const end = start < at.index ? domainEnd(text, behind) : behind;
      // A second @ right behind a match belongs to it: "a@b.co@c.de" is one blur.
      const previous = spans.at(-1);
      if (end === behind) continue;
      if (previous !== undefined && start < previous.end)
        spans[spans.length - 1] = { start: previous.start, end };
      else spans.push({ start, end });
    }
    return spans;
  },
  canonical: (value) => value.replace('%40', '@').toLowerCase(),
  partial(value) {
    const at = value.search(/@|%40/);
    return `${value.slice(0, 1)}***${value.slice(at)}`;
  },
};

function localStart(text: string, at: number): number {
  let start = at;
  const stop = Math.max(0, at - MAX_LOCAL);
  while (start > stop && isLocal(text, start - 1)) start -= 1;
  // Quotes and dots in front belong to the sentence.
  while (start < at && /['.&~-]/.test(text.charAt(start))) start += 1;
  return start;
}

function isLocal(text: string, index: number): boolean {
  const code = text.charCodeAt(index);
  return code < 128 ? ASCII_LOCAL[code] === true : LETTER.test(text.charAt(index));
}

/** Where the domain ends that starts at `from`; `from` itself when there is none. */
function domainEnd(text: string, from: number): number {
  let end = from;
  const stop = Math.min(text.length, from + MAX_DOMAIN);
  while (end < stop && DOMAIN.test(text.charAt(end))) end += 1;
  const labels = text.slice(from, end).split('.');
  const empty = labels.indexOf('');
  if (empty >= 0) labels.length = empty;
  // Drop what cannot end a domain: a file name's digits, a dash.
  for (; labels.length > 1; labels.pop()) {
    const last = labels.at(-1) ?? '';
    const top = last.replace(/-{1,64}$/, '');
    if (TOP_LEVEL.test(top)) return from + labels.join('.').length - (last.length - top.length);
  }
  return from;
}
