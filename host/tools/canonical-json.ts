import { isRawNumber, parseJson, type JsonValue } from '@bulkhead/proto/json';

/**
 * One text for all JSON texts of one value: members sorted by name, no space, numbers by their exact decimal value
 * however they are written (`1`, `1.0` and `10e-1` are one, 9007199254740993 and 9007199254740992 are two).
 *
 * @throws SyntaxError when it is not JSON
 */
export function canonicalJson(text: string): string {
  return write(parseJson(text));
}

function write(value: JsonValue): string {
  if (typeof value === 'number') return canonicalNumber(String(value));
  if (isRawNumber(value)) return canonicalNumber(value.rawJSON);
  if (Array.isArray(value)) return `[${(value as readonly JsonValue[]).map(write).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${write(member)}`).join(',')}}`;
}

/** `<sign><digits>e<exponent>`, digits without zeros at either end; every zero is `0`. */
function canonicalNumber(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([-+]?\d+))?$/.exec(text) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const significant = withoutZerosAtEnd(digits);
  if (significant === '') return '0';
  // An exponent may have more digits than a double holds.
  const power = BigInt(exponent) - BigInt(fraction.length) + BigInt(digits.length - significant.length);
  return `${sign}${significant}e${power}`;
}

/** In one pass: a pattern would begin anew at each zero of a long row in the middle. */
function withoutZerosAtEnd(digits: string): string {
  let end = digits.length;
  while (digits[end - 1] === '0') end -= 1;
  return digits.slice(0, end);
}
