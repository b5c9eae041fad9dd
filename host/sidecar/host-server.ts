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
import type { FloodMeter } from './flood/flood-meter.js';
import { meterServer } from './flood/meter-server.js';
import { watchUnknownMethods } from './unknown-methods.js';

export interface HostServer {
  /** Ends the listener and every connection at once. A second call changes nothing. */
  close(): void;
}

export interface HostServerOptions {
  readonly socketPath: string;
  readonly methods: readonly ServedMethod[];
  /** Absent: plaintext, where the socket's directory is the wall. */
  readonly tls?: TlsPair;
  readonly maxMessageBytes: number;
  readonly clock: Clock;
  readonly meter: FloodMeter;
  /** Hears of each call of a method that is not served, besides its refusal. */
  readonly onUnknownMethod?: (path: string) => void;
}

/**
 * The host's own socket for one plugin: one server object for each, because a shared one could not tell who calls.
 * It serves the same methods as the link does, for bodies that are too large for it and for plugins without one.
 */
export async function startHostServer({
  socketPath,
  methods,
  tls,
  maxMessageBytes,
  clock,
  meter,
  onUnknownMethod,
}: HostServerOptions): Promise<HostServer> {
  const server = new Server(serverOptions(maxMessageBytes));
  const definition: Record<string, ServiceDefinition[string]> = {};
  const handlers: UntypedServiceImplementation = {};
  for (const method of methods) {
    definition[method.path] = rawUnary(method.path);
    handlers[method.path] = (
      call: ServerUnaryCall<Uint8Array, Uint8Array>,
      done: sendUnaryData<Uint8Array>,
    ) => {
      void answer(method, call, done, clock, meter);
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
  meterServer(server, meter);
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
  meter: FloodMeter,
): Promise<void> {
  // It came to somebody, so it was no waste.
  meter.waste(-1);
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
    meter.sent(body.length);
    done(null, body);
  } catch (error) {
    done(errorToServiceError(error));
  }
}

function timeLeftMs(deadline: Date | number, clock: Clock): number {
  const at = typeof deadline === 'number' ? deadline : deadline.getTime();
  return Number.isFinite(at) ? Math.max(1, at - clock.now()) : 0;
}
