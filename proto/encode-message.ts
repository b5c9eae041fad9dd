import { BinaryWriter } from '@bufbuild/protobuf/wire';

/** After a larger message the writer is a new one, so that one large message does not stay in memory for ever. */
const MAX_KEPT_BYTES = 64 * 1024;

// A writer keeps its buffer between messages; a new one for each would grow one from nothing every time.
let shared = new BinaryWriter();

/** What of a generated message is needed to give one out. */
export interface Encodes<Message> {
  encode(message: Message, writer: BinaryWriter): BinaryWriter;
}

/** `type.encode(message).finish()`, for paths that many calls take. */
export function encodeMessage<Message>(type: Encodes<Message>, message: Message): Uint8Array {
  try {
    const bytes = type.encode(message, shared).finish();
    if (bytes.length > MAX_KEPT_BYTES) shared = new BinaryWriter();
    return bytes;
  } catch (error) {
    // It stopped halfway and holds the half.
    shared = new BinaryWriter();
    throw error;
  }
}
