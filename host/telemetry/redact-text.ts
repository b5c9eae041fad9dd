import { REDACTED, secretKind } from './redact.js';

// A key, quoted or not, up to its value; it begins at the start of a word, so that a long word is read once.
const KEY = /(?<![\w.-])(["']?)([\w.-]{2,64})\1\s{0,8}([:=])\s{0,8}/g;
const VALUE = /((?:bearer |basic )?)("(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s,;&"'{}[\]]+)/iy;
/** Counts of tokens are no secrets. */
const COUNT = /^(?:-?[\d.]+|true|false|null)$/;

/**
 * A text without the values of keys that name secrets: `"password": "…"`, `api_key=…`, `Authorization: Bearer …`.
 * JSON stays JSON. For what plugins print, where no structure says what is a secret.
 */
export function redactText(text: string): string {
  let redacted = '';
  let done = 0;
  for (const [, quote = '', key = '', separator] of matches(KEY, text)) {
    const kind = secretKind(key);
    // In prose a token may be anything: "unexpected token: x".
    if (kind === 'plain' || (kind === 'token' && quote === '' && separator !== '=')) continue;
    VALUE.lastIndex = KEY.lastIndex;
    const [found, scheme = '', value = ''] = VALUE.exec(text) ?? [];
    if (found === undefined || (kind === 'token' && COUNT.test(value))) continue;
    const quoted = quote === '"' || value.startsWith('"');
    redacted += text.slice(done, KEY.lastIndex) + scheme + (quoted ? `"${REDACTED}"` : REDACTED);
    done = KEY.lastIndex = VALUE.lastIndex;
  }
  return done === 0 ? text : redacted + text.slice(done);
}

/** Matches one by one; the loop may move `pattern.lastIndex` on. */
function* matches(pattern: RegExp, text: string): Generator<RegExpExecArray> {
  pattern.lastIndex = 0;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) yield match;
}
