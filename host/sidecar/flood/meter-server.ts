import type { Server } from '@grpc/grpc-js';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { ServerHttp2Stream } from 'node:http2';
import { Server as NetServer, type Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import type { FloodMeter } from './flood-meter.js';
import { meterSocket } from './metered-session.js';

/** Where grpc-js keeps what it listens with; it has no public place for connections. */
const LISTENERS = 'http2Servers';
/** A plugin's connections to the host's socket at once; its SDK opens one. */
const MAX_CONNECTIONS = 16;

/**
 * Meters every connection to a server that is bound. A call counts as waste until whoever handles it takes that back.
 *
 * @throws BulkheadError INTERNAL when this version of grpc-js listens with something else: connections that nobody meters must not go unnoticed
 */
export function meterServer(server: Server, meter: FloodMeter): void {
  const known: unknown = Reflect.get(server, LISTENERS);
  const listeners = known instanceof Map ? [...known.keys()].filter((key) => key instanceof NetServer) : [];
  if (listeners.length === 0)
    throw new BulkheadError(ErrorCode.INTERNAL, `expected grpc-js to keep its servers in ${LISTENERS}`);
  for (const listener of listeners) {
    listener.maxConnections = MAX_CONNECTIONS;
    // With TLS the session runs on the socket inside, whose bytes are those that HTTP/2 reads.
    const connection = listener instanceof TlsServer ? 'secureConnection' : 'connection';
    listener.on(connection, (socket: Socket) => {
      meterSocket(socket, meter);
    });
    listener.on('stream', (stream: ServerHttp2Stream) => {
      meterStream(stream, meter);
    });
  }
}

function meterStream(stream: ServerHttp2Stream, meter: FloodMeter): void {
  meter.waste();
  meter.called();
  // grpc-js holds a call that it takes until the handler reads it; of one that it has refused nobody reads anything.
  if (!stream.isPaused()) return;
  stream.on('data', (chunk: Buffer) => {
    meter.carried(chunk.length);
  });
}
