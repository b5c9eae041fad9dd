const ZERO = 48;
const NINE = 57;

/** Characters that people put between groups of digits: spaces, dots and every kind of dash. */
const SEPARATOR = /[ .\-\u00a0\u2007\u2009\u202f\u2010-\u2015\u2212]/;

export function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE;
}

export function isLetterOrDigit(character: string): boolean {
  return /[\p{L}\p{N}]/u.test(character);
}

export function isSeparator(character: string): boolean {
  return SEPARATOR.test(character);
}

export function digitsOf(text: string): string {
  return text.replace(/\D+/g, '');
}

/** Replaces each digit but the last `keep` by a star; everything between them stays. */
export function maskDigits(text: string, keep: number): string {
  let left = digitsOf(text).length - keep;
  return text.replace(/\d/g, (digit) => (left-- > 0 ? '*' : digit));
}
