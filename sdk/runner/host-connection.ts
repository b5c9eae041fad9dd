import { Client, credentials, type ChannelCredentials } from '@grpc/grpc-js';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { MAX_WHOLE_BODY_BYTES, nativeCall, type CallOptions, type Link } from '@bulkhead/proto/link';
import { HOST_CALL_TIMEOUT_MS, type HostTransport } from '../host/transport.js';
import type { RuntimeClock } from '../runtime/clock.js';

/** The host's own limit is smaller and is the one that authors meet. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

/** The host's own socket for this plugin, and what it takes to be let in. */
export interface HostSocket {
  readonly path: string;
  /** Absent where the socket's directory is the wall. */
  readonly tls?: {
    /** The only certificate that the host may show. */
    readonly hostCertPem: string;
    readonly certPem: string;
    readonly keyPem: string;
  };
}

/** The way to the host: the link for small calls, its socket for large ones and for a host that opens no link. */
export class HostConnection implements HostTransport {
  readonly #clock: RuntimeClock;
  readonly #socket: () => HostSocket | undefined;
  #link: Link | undefined;
  #native: Client | undefined;

  /** @param socket asked for when the first large call is made; undefined where there is none */
  constructor(clock: RuntimeClock, socket: () => HostSocket | undefined) {
    this.#clock = clock;
    this.#socket = socket;
  }

  connect(link: Link): void {
    this.#link = link;
  }

  /** A link that was replaced meanwhile changes nothing. */
  disconnect(link: Link): void {
    if (this.#link === link) this.#link = undefined;
  }

  call(path: string, body: Uint8Array, options: CallOptions): Promise<Uint8Array> {
    const link = this.#link;
    if (link !== undefined && body.length <= MAX_WHOLE_BODY_BYTES) return link.call(path, body, options);
    const native = this.#openNative();
    if (native !== undefined) {
      return nativeCall(native, this.#clock, path, body, {
        ...options,
        timeoutMs: options.timeoutMs ?? HOST_CALL_TIMEOUT_MS,
      });
    }
    // A plugin elsewhere has no other way; the link carries a large body in parts.
    if (link !== undefined) return link.call(path, body, options);
    return Promise.reject(new BulkheadError(ErrorCode.UNKNOWN_METHOD, 'there is no way back to this host'));
  }

  #openNative(): Client | undefined {
    if (this.#native !== undefined) return this.#native;
    const socket = this.#socket();
    if (socket === undefined) return undefined;
    this.#native = new Client(`unix:${socket.path}`, credentialsOf(socket), {
      'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
      'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
      // A message is never sent twice behind the caller's back.
      'grpc.enable_retries': 0,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.service_config_disable_resolution': 1,
      'grpc.enable_http_proxy': 0,
      'grpc.enable_channelz': 0,
    });
    return this.#native;
  }
}

function credentialsOf({ tls }: HostSocket): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  return credentials.createSsl(
    Buffer.from(tls.hostCertPem),
    Buffer.from(tls.keyPem),
    Buffer.from(tls.certPem),
  );
}
