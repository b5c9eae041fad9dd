import type { JsonValue } from '@bulkhead/sdk';

const SECRET =
  /passw(?:or)?d|passphrase|secret|token|authorization|cookie|api[-_]?key|access[-_]?key|private[-_]?key|credential|session[-_]?id/i;
/** Counts of tokens are what people look for in a log; they are no secrets. */
const COUNT = /^(?:(?:input|output|prompt|completion|total|max)[-_]?)tokens$/i;
const REDACTED = '[REDACTED]';

/**
 * JSON text of a value with the values of secret members replaced at every depth. Numbers keep their source text.
 *
 * @param extra names of members, besides the usual ones; upper and lower case are one
 */
export function createRedactor(extra: readonly string[]): (value: JsonValue) => string {
  const names = new Set(extra.map((name) => name.toLowerCase()));
  return (value) =>
    JSON.stringify(value, (key, member: unknown) =>
      member !== null && (names.has(key.toLowerCase()) || (SECRET.test(key) && !COUNT.test(key)))
        ? REDACTED
        : member,
    );
}
