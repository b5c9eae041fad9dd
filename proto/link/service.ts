import type { Client, ClientDuplexStream, MethodDefinition } from '@grpc/grpc-js';
import { decodeFrame } from './decode-frame.js';
import { encodeFrame } from './encode-frame.js';
import type { Frame } from './frame.js';

const OPEN_PATH = '/bulkhead.plugin.v1.LinkService/Open';

/** LinkService for a grpc-js server, with the hand-written codec. A handler gets a stream that `new Link` takes. */
export const linkServiceDefinition = {
  open: {
    path: OPEN_PATH,
    requestStream: true,
    responseStream: true,
    requestSerialize: encodeFrame,
    requestDeserialize: decodeFrame,
    responseSerialize: encodeFrame,
    responseDeserialize: decodeFrame,
  } satisfies MethodDefinition<Frame, Frame>,
};

/** Hears of every message of a stream, in encoded bytes. Must be quick. */
export interface Traffic {
  sent(bytes: number): void;
  received(bytes: number): void;
}

/** Opens the link's stream on a connection. */
export function openLinkStream(client: Client, traffic?: Traffic): ClientDuplexStream<Frame, Frame> {
  if (traffic === undefined) return client.makeBidiStreamRequest(OPEN_PATH, encodeFrame, decodeFrame);
  return client.makeBidiStreamRequest(
    OPEN_PATH,
    (frame: Frame) => {
      const bytes = encodeFrame(frame);
      traffic.sent(bytes.length);
      return bytes;
    },
    (bytes) => {
      traffic.received(bytes.length);
      return decodeFrame(bytes);
    },
  );
}

const toBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** A unary method whose messages stay bytes, so that the link and a native RPC can share one handler. */
export function rawUnary(path: string): MethodDefinition<Uint8Array, Uint8Array> {
  return {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: toBuffer,
    requestDeserialize: (bytes) => bytes,
    responseSerialize: toBuffer,
    responseDeserialize: (bytes) => bytes,
  };
}
