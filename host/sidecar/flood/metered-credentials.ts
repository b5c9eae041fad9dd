import { ChannelCredentials } from '@grpc/grpc-js';
import type { FloodMeter } from './flood-meter.js';
import { meterSocket } from './metered-session.js';

type CreateConnector = ChannelCredentials['_createSecureConnector'];
type Connector = ReturnType<CreateConnector>;

/**
 * Credentials that tell the meter of each connection that a channel opens. They are where grpc-js lets others come by
 * the socket: what they connect is what the HTTP/2 session then runs on.
 */
export class MeteredCredentials extends ChannelCredentials {
  readonly #inner: ChannelCredentials;
  readonly #meter: FloodMeter;

  constructor(inner: ChannelCredentials, meter: FloodMeter) {
    super();
    this.#inner = inner;
    this.#meter = meter;
  }

  override _isSecure(): boolean {
    return this.#inner._isSecure();
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(...args: Parameters<CreateConnector>): Connector {
    const connector = this.#inner._createSecureConnector(...args);
    const meter = this.#meter;
    return {
      async connect(socket) {
        const connected = await connector.connect(socket);
        meterSocket(connected.socket, meter);
        return connected;
      },
      waitForReady: () => connector.waitForReady(),
      getCallCredentials: () => connector.getCallCredentials(),
      destroy: () => {
        connector.destroy();
      },
    };
  }
}
