import { connect, type LookupFunction, type Socket } from 'node:net';
import { formatDestination, type Destination } from '@bulkhead/proto/rules';
import type { Clock } from '../../clock.js';
import { refused, type Refusal } from './refusal.js';
import type { HostAddress, Resolved } from './resolve.js';

/** A silent connection is asked whether somebody is there, in milliseconds. */
const KEEP_ALIVE_MS = 60_000;

/** How long one of several addresses may take before the next is tried, in milliseconds. */
const ATTEMPT_TIMEOUT_MS = 2_500;

export interface Dialled {
  readonly kind: 'dialled';
  readonly socket: Socket;
}

export interface DialOptions {
  readonly resolve: (destination: Destination) => Promise<Resolved | Refusal>;
  readonly clock: Clock;
  /** From the question for the name to an open connection, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** No byte in either direction for so long ends a connection, in milliseconds. */
  readonly idleTimeoutMs: number;
}

/**
 * Connects to one of the checked addresses, each family in turn. Gives the socket up when `signal` fires.
 */
export async function dial(
  options: DialOptions,
  destination: Destination,
  signal: AbortSignal,
): Promise<Dialled | Refusal> {
  const { clock, connectTimeoutMs } = options;
  const tooLate = Promise.withResolvers<Refusal>();
  const giveUp = new AbortController();
  const cancel = clock.after(connectTimeoutMs, () => {
    tooLate.resolve(timedOut(destination, connectTimeoutMs));
    giveUp.abort();
  });
  try {
    const resolved = await Promise.race([options.resolve(destination), tooLate.promise]);
    if (resolved.kind === 'refused') return resolved;
    const reaching = reach(resolved.addresses, destination, AbortSignal.any([signal, giveUp.signal]));
    const dialled = await Promise.race([reaching, tooLate.promise]);
    if (dialled.kind === 'dialled') {
      dialled.socket.setKeepAlive(true, KEEP_ALIVE_MS);
      dialled.socket.setNoDelay(true);
      dialled.socket.setTimeout(options.idleTimeoutMs, () => dialled.socket.destroy());
    }
    return dialled;
  } finally {
    cancel();
  }
}

function reach(
  addresses: readonly HostAddress[],
  destination: Destination,
  signal: AbortSignal,
): Promise<Dialled | Refusal> {
  return new Promise((resolve) => {
    const socket = connect({
      host: destination.host,
      port: destination.port,
      lookup: answering(addresses),
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: ATTEMPT_TIMEOUT_MS,
      allowHalfOpen: true,
    });
    const onAbort = (): void => {
      socket.destroy(new Error('given up'));
    };
    const onError = (error: Error): void => {
      signal.removeEventListener('abort', onAbort);
      resolve(connectFailed(destination, error));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    socket.once('error', onError);
    socket.once('connect', () => {
      signal.removeEventListener('abort', onAbort);
      socket.off('error', onError);
      // Whoever takes the socket hears of its end by `close`.
      socket.on('error', () => {});
      resolve({ kind: 'dialled', socket });
    });
  });
}

/** Answers with what was checked, whatever the name leads to by now. */
export function answering(addresses: readonly HostAddress[]): LookupFunction {
  return (_name, options, done) => {
    if (options.all === true) done(null, [...addresses]);
    else done(null, addresses[0]?.address ?? '', addresses[0]?.family);
  };
}

function timedOut(destination: Destination, connectTimeoutMs: number): Refusal {
  return refused(
    'CONNECT_TIMEOUT',
    `${formatDestination(destination)} did not answer within ${connectTimeoutMs} ms`,
    destination,
  );
}

function connectFailed(destination: Destination, error: Error): Refusal {
  const code = 'code' in error ? String(error.code) : error.message;
  return refused(
    'CONNECT_FAILED',
    `${formatDestination(destination)} could not be reached (${code})`,
    destination,
  );
}
