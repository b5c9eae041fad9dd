import {
  Server,
  type sendUnaryData,
  type ServerUnaryCall,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { errorToServiceError, rawUnary, type ServedMethod } from '@bulkhead/proto/link';
import type { Clock } from '../clock.js';
import { serverCredentials, serverOptions, type TlsPair } from './channel.js';
import { watchUnknownMethods } from './unknown-methods.js';

export interface HostServer {
  /** Ends the listener and every connection at once. A second call changes nothing. */
  close(): void;
}

/**
 * The host's own socket for one plugin: one server object for each, because a shared one could not tell who calls.
 * It serves the same methods as the link does, for bodies that are too large for it and for plugins without one.
 *
 * @param onUnknownMethod hears of each call of a method that is not served, besides its refusal
 */
export async function startHostServer(
  socketPath: string,
  methods: readonly ServedMethod[],
  tls: TlsPair | undefined,
  maxMessageBytes: number,
  clock: Clock,
  onUnknownMethod?: (path: string) => void,
): Promise<HostServer> {
  const server = new Server(serverOptions(maxMessageBytes));
  const definition: Record<string, ServiceDefinition[string]> = {};
  const handlers: UntypedServiceImplementation = {};
  for (const method of methods) {
    definition[method.path] = rawUnary(method.path);
    handlers[method.path] = (
      call: ServerUnaryCall<Uint8Array, Uint8Array>,
      done: sendUnaryData<Uint8Array>,
    ) => {
      void answer(method, call, done, clock);
    };
  }
  server.addService(definition, handlers);
  if (onUnknownMethod !== undefined) watchUnknownMethods(server, onUnknownMethod);
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${socketPath}`, serverCredentials(tls), (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
  return {
    close: () => {
      server.forceShutdown();
    },
  };
}

async function answer(
  method: ServedMethod,
  call: ServerUnaryCall<Uint8Array, Uint8Array>,
  done: sendUnaryData<Uint8Array>,
  clock: Clock,
): Promise<void> {
  const controller = new AbortController();
  call.on('cancelled', () => {
    controller.abort();
  });
  const traceparent = call.metadata.get('traceparent')[0];
  try {
    const body = await method.handler(call.request, {
      timeoutMs: timeLeftMs(call.getDeadline(), clock),
      traceparent: typeof traceparent === 'string' ? traceparent : '',
      signal: controller.signal,
    });
    done(null, body);
  } catch (error) {
    done(errorToServiceError(error));
  }
}

function timeLeftMs(deadline: Date | number, clock: Clock): number {
  const at = typeof deadline === 'number' ? deadline : deadline.getTime();
  return Number.isFinite(at) ? Math.max(1, at - clock.now()) : 0;
}
