import type { IncomingHttpHeaders } from 'node:http';

/** Headers that prove who somebody is, or let one act as them. They never reach a plugin. */
const CREDENTIALS = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'x-api-key',
  'mcp-session-id',
]);
/** Headers that belong to the connection; a plugin's change of them is not kept. */
const CONNECTION = new Set([
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'upgrade',
  'expect',
  'te',
  'trailer',
]);

/** One string for each name; several values are joined as HTTP says. */
export function flattenHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return flat;
}

/** The headers that a plugin may see. */
export function withoutCredentials(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !CREDENTIALS.has(name)));
}

/** The request's headers after a plugin changed what it saw of them; what it could not see stays. */
export function applyHeaders(
  original: Readonly<Record<string, string>>,
  changed: Readonly<Record<string, string>>,
): Record<string, string> {
  const kept = Object.entries(original).filter(([name]) => CREDENTIALS.has(name) || CONNECTION.has(name));
  const next = Object.fromEntries(kept);
  for (const [name, value] of Object.entries(changed)) {
    const lower = name.toLowerCase();
    if (!CONNECTION.has(lower)) next[lower] = value;
  }
  return next;
}

/** What a plugin added to or changed in headers; removals are no concern of the next hop. */
export function headerChanges(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(after).filter(
      ([name, value]) => before[name] !== value && !CONNECTION.has(name.toLowerCase()),
    ),
  );
}
