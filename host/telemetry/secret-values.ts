import { REDACTED } from './redact.js';

/** The values of secrets that must not be seen, wherever they come up. */
export interface SecretValues {
  /** From now on it is replaced; shorter ones than `MIN_SECRET_CHARS` are not, because they come up everywhere. */
  add(value: string): void;
  /** A text without them, whether plain, in base64, in a URL or in JSON. */
  redact(text: string): string;
}

export const MIN_SECRET_CHARS = 6;
/** Values that are kept; one that was changed or removed may still come up. */
const MAX_VALUES = 5_000;

export function createSecretValues(): SecretValues {
  const values = new Set<string>();
  let pattern: RegExp | undefined;
  let stale = false;
  return {
    add(value) {
      if (value.length < MIN_SECRET_CHARS || values.has(value) || values.size >= MAX_VALUES) return;
      values.add(value);
      stale = true;
    },
    redact(text) {
      if (stale) {
        stale = false;
        pattern = patternOf(values);
      }
      return pattern === undefined ? text : text.replace(pattern, REDACTED);
    },
  };
}

function patternOf(values: ReadonlySet<string>): RegExp {
  const forms = new Set([...values].flatMap(formsOf));
  // The longest first: one secret may begin another.
  const sorted = [...forms].sort((one, other) => other.length - one.length);
  return new RegExp(sorted.map(escaped).join('|'), 'g');
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`);
}

function formsOf(value: string): readonly string[] {
  const bytes = Buffer.from(value);
  const json = JSON.stringify(value).slice(1, -1);
  return [
    value,
    json,
    // A log line is JSON, and may hold JSON as text.
    JSON.stringify(json).slice(1, -1),
    bytes.toString('base64').replace(/=+$/, ''),
    bytes.toString('base64url'),
    encodeURIComponent(value.toWellFormed()),
  ];
}
