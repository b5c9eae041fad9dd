import { BulkheadError, ErrorCode } from '@bulkhead/proto';

export interface AccessOptions {
  /** The address that the listener is bound to. */
  readonly host: string;
  readonly port: number;
  readonly allowedHosts: readonly string[];
}

const LOOPBACK_NAMES = ['127.0.0.1', 'localhost', '[::1]'];

export function isLoopback(address: string): boolean {
  return address === 'localhost' || address === '::1' || /^(::ffff:)?127\./.test(address);
}

/**
 * Checks Host and Origin against the names that this listener goes by, so that a web page which points its own name
 * at the loopback address reaches nothing.
 *
 * @returns throws BulkheadError HOST_NOT_ALLOWED or ORIGIN_NOT_ALLOWED
 */
export function createAccessCheck(
  options: AccessOptions,
): (host: string | undefined, origin: string | undefined) => void {
  const port = String(options.port);
  const allowed = new Set<string>();
  const own = isLoopback(options.host)
    ? LOOPBACK_NAMES
    : [options.host.includes(':') ? `[${options.host}]` : options.host];
  for (const name of own) allowed.add(`${name}:${port}`);
  if (port === '80') for (const name of own) allowed.add(name);
  for (const name of options.allowedHosts) {
    const lower = name.toLowerCase();
    allowed.add(lower);
    // A name without a port also stands for this listener's own.
    if (!/:\d+$/.test(lower)) allowed.add(`${lower}:${port}`);
  }
  return (host, origin) => {
    if (host === undefined || !allowed.has(host.toLowerCase())) {
      throw new BulkheadError(
        ErrorCode.HOST_NOT_ALLOWED,
        `the Host header '${cut(host ?? '')}' is not one of this listener's; add it to listen.allowed_hosts`,
      );
    }
    if (origin === undefined) return;
    if (!allowed.has(hostOf(origin))) {
      throw new BulkheadError(
        ErrorCode.ORIGIN_NOT_ALLOWED,
        `the Origin '${cut(origin)}' is not one of this listener's; add its host to listen.allowed_hosts`,
      );
    }
  };
}

function hostOf(origin: string): string {
  try {
    const url = new URL(origin);
    return url.protocol === 'http:' || url.protocol === 'https:' ? url.host : '';
  } catch {
    return '';
  }
}

function cut(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
