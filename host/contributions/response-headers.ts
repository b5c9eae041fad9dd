import { BulkheadError, ErrorCode } from '@bulkhead/proto';

// What frames a message, or belongs to one connection, is the gateway's; a cookie would be the whole origin's.
const REFUSED: ReadonlySet<string> = new Set([
  'alt-svc',
  'clear-site-data',
  'connection',
  'content-encoding',
  'content-length',
  'date',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'service-worker-allowed',
  'set-cookie',
  'strict-transport-security',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'x-request-id',
]);
const NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const MAX_HEADERS = 100;
const MAX_HEADER_BYTES = 16 * 1024;

/**
 * The headers of a plugin's answer, lower-case.
 *
 * @throws INVALID_ANSWER for one that is not the plugin's to set, or that is none
 */
export function responseHeaders(
  headers: readonly { readonly name: string; readonly value: string }[],
  who: string,
): Readonly<Record<string, string>> {
  const refuse = (what: string): BulkheadError =>
    new BulkheadError(ErrorCode.INVALID_ANSWER, `${who}: ${what}`);
  if (headers.length > MAX_HEADERS) throw refuse(`more than ${String(MAX_HEADERS)} headers`);
  const kept = new Map<string, string>();
  let bytes = 0;
  for (const { name, value } of headers) {
    const lower = name.toLowerCase();
    bytes += lower.length + value.length;
    if (bytes > MAX_HEADER_BYTES) throw refuse(`more than ${String(MAX_HEADER_BYTES)} bytes of headers`);
    if (!NAME.test(lower) || !VALUE.test(value)) throw refuse('a header holds characters that none may have');
    if (REFUSED.has(lower)) throw refuse(`the header '${lower}' is not a plugin's to set`);
    const before = kept.get(lower);
    kept.set(lower, before === undefined ? value : `${before}, ${value}`);
  }
  return Object.fromEntries(kept);
}
