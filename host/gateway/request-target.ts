import { BulkheadError, ErrorCode } from '@bulkhead/proto';

/** What RFC 3986 says is the same with and without its percent-encoding. */
const UNRESERVED = /^[A-Za-z0-9._~-]$/;

/**
 * A request's target in the one spelling by which it is routed, judged by guards and shown to plugins: no unreserved
 * character is percent-encoded.
 *
 * @returns the target as it came when it is not a path, see {@link assertTarget}
 */
export function canonicalTarget(target: string): string {
  if (!target.startsWith('/') || !target.includes('%')) return target;
  const [path = ''] = target.split('?', 1);
  const canonical = path.replaceAll(/%[0-9a-f]{2}/gi, (encoded) => {
    const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16));
    return UNRESERVED.test(character) ? character : encoded;
  });
  return canonical + target.slice(path.length);
}

/**
 * Refuses what a router and a guard could read differently: an address with a host in it, and a fragment.
 *
 * @throws BulkheadError INVALID_ARGUMENT
 */
export function assertTarget(target: string): void {
  if (target.startsWith('/') && !target.includes('#')) return;
  throw new BulkheadError(
    ErrorCode.INVALID_ARGUMENT,
    `expected a request target that is a path such as /mcp, without a fragment; got ${JSON.stringify(target.slice(0, 200))}`,
  );
}
