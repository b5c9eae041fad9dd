import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { NO_SCOPE, scopesOf, type ScopedService } from '@bulkhead/proto/host';
import type { CallOptions } from '@bulkhead/proto/link';
import type { HostTransport } from '../../host/transport.js';

/** Who calls, as the host knows it. */
export interface TwinPlugin {
  /** The configured entry's name. */
  readonly name: string;
  readonly id: string;
  /** Granted scopes, with those that they include. */
  readonly scopes: readonly string[];
}

/** One call of a twin. */
export interface TwinMethod {
  readonly path: string;
  readonly scope: string;
  handle(body: Uint8Array): Promise<Uint8Array>;
}

interface Codec<Message> {
  encode(message: Message): { finish(): Uint8Array };
  decode(bytes: Uint8Array): Message;
}

interface UnaryMethod<Request, Response> {
  readonly name: string;
  readonly requestType: Codec<Request>;
  readonly responseType: Codec<Response>;
}

/** One method's work, bytes in and bytes out. */
export interface TwinCall {
  readonly name: string;
  handle(body: Uint8Array): Promise<Uint8Array>;
}

/** A method with its generated codecs: messages in and messages out. */
export function unary<Request, Response>(
  { name, requestType, responseType }: UnaryMethod<Request, Response>,
  answer: (request: Request) => Response | Promise<Response>,
): TwinCall {
  return {
    name,
    handle: async (body) => responseType.encode(await answer(requestType.decode(body))).finish(),
  };
}

/** The methods of a service, each under the scope that its RPC's option names. */
export function createTwinMethods(service: ScopedService, calls: readonly TwinCall[]): readonly TwinMethod[] {
  const scopes = scopesOf(service);
  const byName = new Map(calls.map((call) => [call.name, call]));
  return Object.values(service.methods).map(({ name }) => {
    const call = byName.get(name);
    const path = `/${service.fullName}/${name}`;
    if (call === undefined) throw new BulkheadError(ErrorCode.INTERNAL, `no twin of ${path}`);
    return { path, scope: scopes.get(path) ?? '', handle: (body) => call.handle(body) };
  });
}

/** The host's own checks before a twin's method: known, granted, in time. */
export class TwinHost implements HostTransport {
  readonly #plugin: TwinPlugin;
  readonly #methods: ReadonlyMap<string, TwinMethod>;

  constructor(plugin: TwinPlugin, methods: readonly TwinMethod[]) {
    this.#plugin = plugin;
    this.#methods = new Map(methods.map((method) => [method.path, method]));
  }

  async call(path: string, body: Uint8Array, { signal, timeoutMs }: CallOptions): Promise<Uint8Array> {
    const method = this.#methods.get(path);
    if (method === undefined) {
      throw new BulkheadError(ErrorCode.UNKNOWN_METHOD, `the other side does not serve ${path}`);
    }
    const { scope } = method;
    const { name, scopes } = this.#plugin;
    if (scope !== NO_SCOPE && !scopes.includes(scope)) {
      throw new BulkheadError(
        ErrorCode.PERMISSION_DENIED,
        `${path} needs the scope '${scope}', which plugin '${name}' was not granted`,
        { field: scope },
      );
    }
    return withinTime(method.handle(body), signal, timeoutMs);
  }
}

function withinTime<Value>(
  work: Promise<Value>,
  signal: AbortSignal | undefined,
  timeoutMs: number | undefined,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(new BulkheadError(ErrorCode.CANCELLED, 'the caller no longer needs the answer'));
    };
    if (signal?.aborted === true) onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    const timer =
      timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            reject(
              new BulkheadError(ErrorCode.DEADLINE_EXCEEDED, `no answer within ${timeoutMs} ms`, {
                retryable: true,
              }),
            );
          }, timeoutMs);
    work.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    });
  });
}
