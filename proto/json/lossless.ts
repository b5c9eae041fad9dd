/** A number that a double cannot hold, with its source text. `JSON.stringify` writes that text. */
export interface RawNumber {
  readonly rawJSON: string;
}

export type JsonValue = null | boolean | number | string | RawNumber | readonly JsonValue[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: JsonValue;
}

// In Node since 21 (V8 11.4); not yet in TypeScript's library.
declare global {
  interface JSON {
    parse(
      text: string,
      reviver: (this: unknown, key: string, value: unknown, context: { readonly source?: string }) => unknown,
    ): unknown;
    rawJSON(text: string): RawNumber;
    isRawJSON(value: unknown): value is RawNumber;
  }
}

// Text that may hold a number whose shortest form is not its source: many digits, a trailing zero after the point, an
// exponent, a very small fraction, minus zero. What begins or ends as no number can is in a string: dates and ids, which are
// common, do not count. Other hits inside a string only cost time.
const MAY_LOSE = /[\d.]{16}|\d\.\d*0(?=[\s,\]}]|$)|(?:^|[\s,:[])-?\d[\d.]*[eE]|0\.0{6}|-0(?=[\s,\]}]|$)/;

/**
 * `JSON.parse`, but a number that would not print as it was written (9007199254740993, 10.0) comes as a
 * {@link RawNumber}. Ordinary text pays one regular expression.
 *
 * @throws SyntaxError as `JSON.parse` does
 */
export function parseJson(text: string): JsonValue {
  if (!MAY_LOSE.test(text)) return JSON.parse(text) as JsonValue;
  return JSON.parse(text, (_key, value, context) =>
    typeof value === 'number' && context.source !== undefined && String(value) !== context.source
      ? JSON.rawJSON(context.source)
      : value,
  ) as JsonValue;
}

/** Whether a value of {@link parseJson} is a number that kept its source text. */
export function isRawNumber(value: unknown): value is RawNumber {
  return JSON.isRawJSON(value);
}

/** `JSON.stringify` for what {@link parseJson} gives. `undefined` is not JSON and is written as `null`. */
export function stringifyJson(value: unknown): string {
  return JSON.stringify(value) ?? 'null';
}
