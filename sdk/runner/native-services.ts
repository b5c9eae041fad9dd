import type {
  Server,
  ServerUnaryCall,
  ServiceDefinition,
  UntypedServiceImplementation,
  sendUnaryData,
} from '@grpc/grpc-js';
import { errorToServiceError, rawUnary, type ServedMethod } from '@bulkhead/proto/link';
import type { IncomingCall } from '../runtime/incoming.js';

type Call = ServerUnaryCall<Uint8Array, Uint8Array>;

/** A native RPC as the handlers know a call. */
class NativeCall implements IncomingCall {
  readonly #call: Call;
  #controller: AbortController | undefined;

  constructor(call: Call) {
    this.#call = call;
  }

  get timeoutMs(): number {
    const deadline = Number(this.#call.getDeadline());
    return Number.isFinite(deadline) ? Math.max(1, deadline - Date.now()) : 0;
  }

  get traceparent(): string {
    return String(this.#call.metadata.get('traceparent')[0] ?? '');
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = new AbortController();
      this.#controller = controller;
      if (this.#call.cancelled) controller.abort();
      else {
        this.#call.on('cancelled', () => {
          controller.abort();
        });
      }
    }
    return this.#controller.signal;
  }
}

/**
 * Serves the methods as ordinary unary RPCs: for hosts without the link, and for bodies too large for it.
 *
 * @param choose who answers, where that depends on who calls. Default: the method itself
 */
export function addNativeMethods(
  server: Server,
  methods: readonly ServedMethod[],
  choose: (method: ServedMethod, call: Call) => ServedMethod['handler'] = ({ handler }) => handler,
): void {
  const service: Record<string, ServiceDefinition[string]> = {};
  const implementation: UntypedServiceImplementation = {};
  for (const method of methods) {
    const { path } = method;
    service[path] = rawUnary(path);
    implementation[path] = (call: Call, callback: sendUnaryData<Uint8Array>) => {
      void answer(() => choose(method, call)(call.request, new NativeCall(call)), callback);
    };
  }
  server.addService(service, implementation);
}

async function answer(
  run: () => Uint8Array | Promise<Uint8Array>,
  callback: sendUnaryData<Uint8Array>,
): Promise<void> {
  try {
    callback(null, await run());
  } catch (error) {
    callback(errorToServiceError(error), null);
  }
}
