import { Metadata, type Client, type ClientUnaryCall } from '@grpc/grpc-js';
import { BulkheadError, ErrorCode } from '../errors.js';
import type { CallOptions } from './call-options.js';
import { rawUnary } from './service.js';
import { serviceErrorToError } from './status.js';

const { requestSerialize, responseDeserialize } = rawUnary('');

/**
 * One ordinary unary RPC whose messages stay bytes.
 *
 * @throws BulkheadError as a call on the link does
 */
export function nativeCall(
  client: Client,
  clock: { now(): number },
  path: string,
  body: Uint8Array,
  options: CallOptions & { readonly timeoutMs: number },
): Promise<Uint8Array> {
  const { signal, traceparent } = options;
  if (signal?.aborted === true) return Promise.reject(cancelled());
  const metadata = new Metadata();
  if (traceparent !== undefined && traceparent !== '') metadata.set('traceparent', traceparent);
  return new Promise((resolve, reject) => {
    let call: ClientUnaryCall;
    try {
      call = client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        body,
        metadata,
        { deadline: clock.now() + Math.max(1, Math.ceil(options.timeoutMs)) },
        (error, value) => {
          signal?.removeEventListener('abort', onAbort);
          if (error !== null) reject(serviceErrorToError(error));
          else if (value !== undefined) resolve(value);
          else reject(new BulkheadError(ErrorCode.PROTOCOL_ERROR, `${path} ended without an answer`));
        },
      );
    } catch (error) {
      // That is how grpc-js refuses a call on a channel that was closed.
      reject(
        new BulkheadError(ErrorCode.PLUGIN_UNAVAILABLE, `${path}: the channel is closed`, {
          retryable: true,
          cause: error,
        }),
      );
      return;
    }
    const onAbort = (): void => {
      call.cancel();
    };
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

function cancelled(): BulkheadError {
  return new BulkheadError(ErrorCode.CANCELLED, 'the caller no longer needs the answer');
}
