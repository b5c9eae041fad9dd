import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { isPlainObject } from '@bulkhead/proto/rules';

/** What the host's proxy says when it makes no connection. */
export interface EgressRefusal {
  /** For example NOT_GRANTED; see docs/network.md. */
  readonly reason: string;
  readonly message: string;
  /** `host:port`, or empty. */
  readonly destination: string;
}

/** The body of such an answer; undefined when it is none. */
export function parseRefusal(text: string): EgressRefusal | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isPlainObject(value)) return undefined;
  const { reason, message, destination } = value;
  if (typeof reason !== 'string' || typeof message !== 'string' || typeof destination !== 'string')
    return undefined;
  return { reason, message, destination };
}

/** The codes that network clients know these failures by; they decide by them whether to try again. */
const SYSTEM_CODES: Readonly<Record<string, string>> = {
  NAME_NOT_FOUND: 'ENOTFOUND',
  CONNECT_FAILED: 'ECONNREFUSED',
  CONNECT_TIMEOUT: 'ETIMEDOUT',
  TOO_MANY_CONNECTIONS: 'EAGAIN',
};

/** A refusal as an author meets it: outside the grant it is typed, else it is what the operating system would say. */
export function refusalError({ reason, message, destination }: EgressRefusal): Error {
  const code = SYSTEM_CODES[reason];
  if (code === undefined) {
    return new BulkheadError(ErrorCode.PERMISSION_DENIED, message, {
      field: destination,
      details: { reason, destination },
    });
  }
  return Object.assign(new Error(message), { code });
}

/** What a plugin without any network grant is told. */
export function noGrant(destination: string): BulkheadError {
  return new BulkheadError(
    ErrorCode.PERMISSION_DENIED,
    `${destination} is not granted: this plugin has no network grant. Name '${destination}' under permissions.network ` +
      'in its manifest, and have an operator grant it',
    { field: destination, details: { reason: 'NOT_GRANTED', destination } },
  );
}
