import { BulkheadError, ErrorCode, isBulkheadError } from '@bulkhead/proto';
import type { CallOptions } from '@bulkhead/proto/link';
import {
  decodeInvokeResponse,
  encodeInvokeRequest,
  InvokeBatchRequest,
  type InvokeRequest,
  type InvokeResponse,
} from '@bulkhead/proto/plugin';
import type { Sidecar } from '../sidecar/sidecar.js';

const INVOKE = '/bulkhead.plugin.v1.HookService/Invoke';
const INVOKE_BATCH = '/bulkhead.plugin.v1.HookService/InvokeBatch';

export type PortOptions = CallOptions & { readonly timeoutMs: number };

export interface ProcessListener {
  /** A call has ended. */
  onRelease(): void;
  /** A call could not reach the process. Told before that call has ended. */
  onUnreachable(): void;
}

/**
 * A ready process as calls see it. A call costs one promise here: what follows an answer is bound once per process,
 * and nothing is timed (the link's own wheel keeps deadlines).
 */
export class ServingProcess {
  readonly sidecar: Sidecar;
  #inFlight = 0;
  #whenIdle: (() => void) | undefined;
  readonly #listener: ProcessListener;

  constructor(sidecar: Sidecar, listener: ProcessListener) {
    this.sidecar = sidecar;
    this.#listener = listener;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  invoke(request: InvokeRequest, options: PortOptions): Promise<InvokeResponse> {
    const body = encodeInvokeRequest(request);
    this.#inFlight += 1;
    return this.sidecar.call(INVOKE, body, options).then(this.#answered, this.#failed);
  }

  invokeBatch(requests: readonly InvokeRequest[], options: PortOptions): Promise<void> {
    const body = InvokeBatchRequest.encode({ requests: [...requests] }).finish();
    this.#inFlight += 1;
    return this.sidecar.call(INVOKE_BATCH, body, options).then(this.#done, this.#failed);
  }

  /** Any other unary call: bytes in, bytes out. */
  call(path: string, body: Uint8Array, options: PortOptions): Promise<Uint8Array> {
    this.#inFlight += 1;
    return this.sidecar.call(path, body, options).then(this.#passedOn, this.#failed);
  }

  /** Calls back once, when no call is in flight; at once if none is. */
  whenIdle(callback: () => void): void {
    if (this.#inFlight === 0) callback();
    else this.#whenIdle = callback;
  }

  readonly #answered = (body: Uint8Array): InvokeResponse => {
    this.#release();
    try {
      return decodeInvokeResponse(body);
    } catch (error) {
      throw new BulkheadError(
        ErrorCode.PROTOCOL_ERROR,
        `expected an InvokeResponse, got bytes that are none: ${error instanceof Error ? error.message : String(error)}`,
        {
          cause: error,
        },
      );
    }
  };

  readonly #passedOn = (body: Uint8Array): Uint8Array => {
    this.#release();
    return body;
  };

  readonly #done = (): void => {
    this.#release();
  };

  readonly #failed = (error: unknown): never => {
    if (isUnreachable(error)) this.#listener.onUnreachable();
    this.#release();
    throw error;
  };

  #release(): void {
    this.#inFlight -= 1;
    if (this.#inFlight === 0 && this.#whenIdle !== undefined) {
      const idle = this.#whenIdle;
      this.#whenIdle = undefined;
      idle();
    }
    this.#listener.onRelease();
  }
}

function isUnreachable(error: unknown): boolean {
  if (!isBulkheadError(error)) return false;
  return error.code === ErrorCode.PLUGIN_UNAVAILABLE || error.code === ErrorCode.PLUGIN_EXITED;
}
