import { constants, type Http2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { FloodMeter } from './flood-meter.js';

/**
 * Has the meter hear of PING and SETTINGS of the other side; all else shows in the connection's bytes. Changes nothing
 * where it does already: grpc-js takes every listener off its client's session once, when the server's first settings
 * are there, and the server says when that is.
 */
function meterControlFrames(session: Http2Session, meter: FloodMeter): void {
  for (const event of ['ping', 'remoteSettings'] as const) {
    if (session.listenerCount(event, meter.control) === 0) session.on(event, meter.control);
  }
}

/** Says ENHANCE_YOUR_CALM, if the socket takes it at once, and ends the connection. */
function dropSession(session: Http2Session | undefined, socket: Socket): void {
  if (session === undefined) socket.destroy();
  else session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
}

/**
 * The session that runs on a socket. grpc-js shows its own to nobody, and Node keeps it on the socket under a symbol
 * that it shows to nobody, so it is known by what it can do. Undefined: none yet, or a Node that keeps it elsewhere;
 * then its connection is judged by its bytes alone.
 */
function sessionOn(socket: Socket): Http2Session | undefined {
  for (const key of Object.getOwnPropertySymbols(socket)) {
    const value: unknown = Reflect.get(socket, key);
    if (isSession(value)) return value;
  }
  return undefined;
}

function isSession(value: unknown): value is Http2Session {
  return (
    typeof value === 'object' &&
    value !== null &&
    'goaway' in value &&
    'ping' in value &&
    'remoteSettings' in value &&
    'destroy' in value
  );
}

/** Meters a connection on which HTTP/2 runs, or is about to. */
export function meterSocket(socket: Socket, meter: FloodMeter): void {
  const disconnect = meter.connect({
    bytesRead: () => {
      const session = sessionOn(socket);
      if (session !== undefined) meterControlFrames(session, meter);
      return socket.bytesRead;
    },
    drop: () => {
      dropSession(sessionOn(socket), socket);
    },
  });
  socket.once('close', disconnect);
}
