import { EGRESS_REFUSAL_HEADER, formatDestination, type Destination } from '@bulkhead/proto/rules';

/** Why a connection was not made, with the status that the proxy answers. */
export const REFUSALS = {
  /** No line of the grant covers host and port. */
  NOT_GRANTED: 403,
  /** The name leads into the host's own network, and the operator did not open that. */
  PRIVATE_ADDRESS: 403,
  /** The request is none that a proxy takes. */
  MALFORMED: 400,
  NAME_NOT_FOUND: 502,
  CONNECT_FAILED: 502,
  TOO_MANY_CONNECTIONS: 503,
  CONNECT_TIMEOUT: 504,
} as const;

export type RefusalReason = keyof typeof REFUSALS;

/** A connection that was not made. */
export interface Refusal {
  readonly kind: 'refused';
  readonly reason: RefusalReason;
  /** What was expected, what came, what to do. */
  readonly message: string;
  /** Absent when the request named none. */
  readonly destination?: Destination;
}

export function refused(reason: RefusalReason, message: string, destination?: Destination): Refusal {
  return { kind: 'refused', reason, message, ...(destination === undefined ? {} : { destination }) };
}

export function notGranted(destination: Destination): Refusal {
  const target = formatDestination(destination);
  return refused(
    'NOT_GRANTED',
    `${target} is not granted: name '${target}' under permissions.network in the manifest, and have an operator grant it`,
    destination,
  );
}

export function privateAddress(destination: Destination, addresses: readonly string[]): Refusal {
  return refused(
    'PRIVATE_ADDRESS',
    `${formatDestination(destination)} is at ${addresses.join(', ')}, which is not on the public internet; ` +
      `an operator opens it with network_private in the plugin's entry of bulkhead.yaml: ${addresses[0] ?? 'the address'}, or a range`,
    destination,
  );
}

/** The answer's headers and body; the same for CONNECT and for a forwarded request. */
export function refusalAnswer(refusal: Refusal): {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly body: string;
} {
  const { reason, message, destination } = refusal;
  const target = destination === undefined ? '' : formatDestination(destination);
  const body = `${JSON.stringify({ reason, message, destination: target })}\n`;
  return {
    status: REFUSALS[reason],
    headers: {
      [EGRESS_REFUSAL_HEADER]: reason,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      connection: 'close',
    },
    body,
  };
}
