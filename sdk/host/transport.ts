import { BulkheadError, ErrorCode, isBulkheadError } from '@bulkhead/proto';
import type { CallOptions } from '@bulkhead/proto/link';
import type { CurrentCall } from '../runtime/current-call.js';

/** What carries calls to the host, bytes in and bytes out. */
export interface HostTransport {
  /** @throws BulkheadError as the host answered, or as the connection failed; as a rejection */
  call(path: string, body: Uint8Array, options: CallOptions): Promise<Uint8Array>;
}

/** Of a call outside a handler, in milliseconds. */
export const HOST_CALL_TIMEOUT_MS = 10_000;

/** What ts-proto's service clients take. */
export interface HostRpc {
  request(service: string, method: string, body: Uint8Array, options?: CallOptions): Promise<Uint8Array>;
}

/** Gives each call what the running handler has: what is left of its deadline, its trace, its cancellation. */
export function createHostRpc(transport: HostTransport, calls: CurrentCall): HostRpc {
  return {
    async request(service, method, body, own) {
      try {
        return await transport.call(`/${service}/${method}`, body, optionsOf(calls, own));
      } catch (error) {
        throw explain(service, method, error);
      }
    },
  };
}

function optionsOf(calls: CurrentCall, own: CallOptions | undefined): CallOptions {
  const running = calls.get();
  const wantedMs = own?.timeoutMs ?? HOST_CALL_TIMEOUT_MS;
  if (running === undefined) return { timeoutMs: wantedMs, ...signalOf(own?.signal) };
  const { remainingMs, traceparent, signal } = running;
  return {
    // The handler's deadline is the only one, unless the author asks for less, or there is none.
    timeoutMs: Math.max(
      1,
      Math.min(remainingMs, own?.timeoutMs ?? Infinity, remainingMs === Infinity ? wantedMs : Infinity),
    ),
    ...(traceparent === '' ? {} : { traceparent }),
    signal: own?.signal === undefined ? signal : AbortSignal.any([signal, own.signal]),
  };
}

function signalOf(signal: AbortSignal | undefined): Pick<CallOptions, 'signal'> {
  return signal === undefined ? {} : { signal };
}

function explain(service: string, method: string, error: unknown): unknown {
  if (!isBulkheadError(error) || error.code !== ErrorCode.UNKNOWN_METHOD) return error;
  return new BulkheadError(ErrorCode.UNKNOWN_METHOD, `this host does not offer ${service}/${method}`, {
    cause: error,
  });
}
