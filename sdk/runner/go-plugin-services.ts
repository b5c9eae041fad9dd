import {
  status,
  type Server,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type { ServerDuplexStream, ServerUnaryCall, ServerWritableStream, sendUnaryData } from '@grpc/grpc-js';
import {
  ConnInfo,
  Empty,
  GRPCBrokerDefinition,
  GRPCControllerDefinition,
  GRPCStdioDefinition,
  HealthCheckRequest,
  HealthCheckResponse,
  HealthCheckResponse_ServingStatus as Serving,
  HealthDefinition,
  StdioData,
  StdioEmpty,
} from '@bulkhead/proto/plugin';

/** The service names that health is asked for: go-plugin's, and the whole process. */
const HEALTH_NAMES = new Set(['plugin', '']);

export interface GoPluginOptions {
  /** False once the plugin takes no more calls. */
  readonly isServing: () => boolean;
  /** Drains, runs the author's shutdown, and lets the process end once the answer is out. */
  readonly shutdown: () => Promise<void>;
}

export interface GoPluginServices {
  /** Ends the streams that would keep the server open. */
  endStreams(): void;
}

interface Codec<Message> {
  encode(message: Message): { finish(): Uint8Array };
  decode(bytes: Uint8Array): Message;
}

function method<Request, Response>(
  service: { readonly fullName: string },
  definition: {
    readonly name: string;
    readonly requestType: Codec<Request>;
    readonly requestStream: boolean;
    readonly responseType: Codec<Response>;
    readonly responseStream: boolean;
  },
): ServiceDefinition[string] {
  return {
    path: `/${service.fullName}/${definition.name}`,
    requestStream: definition.requestStream,
    responseStream: definition.responseStream,
    requestSerialize: (message: Request) => Buffer.from(definition.requestType.encode(message).finish()),
    requestDeserialize: (bytes: Buffer) => definition.requestType.decode(bytes),
    responseSerialize: (message: Response) => Buffer.from(definition.responseType.encode(message).finish()),
    responseDeserialize: (bytes: Buffer) => definition.responseType.decode(bytes),
  };
}

/** The services by which any go-plugin host knows this process as one of its plugins. */
export function addGoPluginServices(server: Server, options: GoPluginOptions): GoPluginServices {
  const open = new Set<{ end(): void }>();
  const hold = (stream: {
    end(): void;
    on(event: 'cancelled' | 'end', listener: () => void): unknown;
  }): void => {
    open.add(stream);
    const release = (): void => {
      if (open.delete(stream)) stream.end();
    };
    stream.on('cancelled', release);
    stream.on('end', release);
  };
  const answer = (): HealthCheckResponse => ({
    status: options.isServing() ? Serving.SERVING : Serving.NOT_SERVING,
  });

  const service: Record<string, ServiceDefinition[string]> = {
    check: method(HealthDefinition, HealthDefinition.methods.check),
    watch: method(HealthDefinition, HealthDefinition.methods.watch),
    shutdown: method(GRPCControllerDefinition, GRPCControllerDefinition.methods.shutdown),
    streamStdio: method(GRPCStdioDefinition, GRPCStdioDefinition.methods.streamStdio),
    startStream: method(GRPCBrokerDefinition, GRPCBrokerDefinition.methods.startStream),
  };
  const implementation: UntypedServiceImplementation = {
    check(
      call: ServerUnaryCall<HealthCheckRequest, HealthCheckResponse>,
      callback: sendUnaryData<HealthCheckResponse>,
    ) {
      if (HEALTH_NAMES.has(call.request.service)) callback(null, answer());
      else
        callback(
          { code: status.NOT_FOUND, details: `no service '${call.request.service}'; ask for 'plugin'` },
          null,
        );
    },
    watch(call: ServerWritableStream<HealthCheckRequest, HealthCheckResponse>) {
      call.write(HEALTH_NAMES.has(call.request.service) ? answer() : { status: Serving.SERVICE_UNKNOWN });
      hold(call);
    },
    shutdown(_call: ServerUnaryCall<Empty, Empty>, callback: sendUnaryData<Empty>) {
      void options.shutdown().then(() => {
        callback(null, {});
      });
    },
    // Nothing ever comes on it: what a plugin prints becomes log lines. A host expects the stream to stay open.
    streamStdio(call: ServerWritableStream<StdioEmpty, StdioData>) {
      hold(call);
    },
    // Streams of a second kind are not brokered; a host that opens the broker finds it silent.
    startStream(call: ServerDuplexStream<ConnInfo, ConnInfo>) {
      call.resume();
      hold(call);
    },
  };
  server.addService(service, implementation);
  return {
    endStreams() {
      for (const stream of open) stream.end();
      open.clear();
    },
  };
}
