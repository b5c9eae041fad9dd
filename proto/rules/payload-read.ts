import { MAX_FIELD_READS, tooManyFields } from '../decode-message.js';
import type { WireField } from './payload-wire.js';

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** Reads one message; every fault is a RangeError, too many fields MESSAGE_TOO_LARGE. */
class Reader {
  readonly #bytes: Buffer;
  #position = 0;
  #end: number;
  #left = MAX_FIELD_READS;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#end = bytes.length;
  }

  get done(): boolean {
    return this.#position >= this.#end;
  }

  varint(): number {
    this.#left -= 1;
    if (this.#left < 0) throw tooManyFields();
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#position < this.#end ? this.#bytes[this.#position++] : undefined;
      if (byte === undefined) throw new RangeError('the message ends inside a number');
      // Bits beyond the 32nd are read and dropped, as every protobuf reader does for a uint32.
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw new RangeError('a number longer than ten bytes');
  }

  #take(length: number): number {
    const start = this.#position;
    if (length > this.#end - start) throw new RangeError('the message ends inside a field');
    this.#position = start + length;
    return start;
  }

  text(): string {
    const length = this.varint();
    const start = this.#take(length);
    return length === 0 ? '' : this.#bytes.toString('utf8', start, start + length);
  }

  /** From now on there is only the message within, until `leave` gets what this returns. */
  enter(): number {
    const length = this.varint();
    const outer = this.#end;
    const start = this.#take(length);
    this.#position = start;
    this.#end = start + length;
    return outer;
  }

  leave(outer: number): void {
    this.#end = outer;
  }

  skip(type: number): void {
    if (type === VARINT) this.varint();
    else if (type === FIXED64) this.#take(8);
    else if (type === BYTES) this.#take(this.varint());
    else if (type === FIXED32) this.#take(4);
    else throw new RangeError(`wire type ${String(type)} is not used here`);
  }
}

function reader(bytes: Uint8Array): Reader {
  const buffer = Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return new Reader(buffer);
}

function readEntry(entry: Reader, into: Record<string, string>): void {
  const outer = entry.enter();
  let key = '';
  let value = '';
  while (!entry.done) {
    const tag = entry.varint();
    if (tag === ((1 << 3) | BYTES)) key = entry.text();
    else if (tag === ((2 << 3) | BYTES)) value = entry.text();
    else entry.skip(tag & 7);
  }
  entry.leave(outer);
  if (key === '__proto__') {
    Object.defineProperty(into, key, { value, enumerable: true, configurable: true, writable: true });
  } else into[key] = value;
}

function blank(field: WireField): unknown {
  switch (field.kind) {
    case 'text':
    case 'json':
      return '';
    case 'number':
      return 0;
    case 'flag':
      return undefined;
    case 'texts':
      return [];
    case 'headers':
      return {};
  }
}

export interface NamedWireField extends WireField {
  /** The key under which the value is given. */
  readonly wire: string;
}

/**
 * A message's values by wire name, absent ones as protobuf has them: empty text, list or map, zero; an absent flag
 * is undefined. Unknown fields are skipped.
 *
 * @throws RangeError when the bytes are no message
 * @throws BulkheadError MESSAGE_TOO_LARGE for more fields than a message may have
 */
export function decodeFields(fields: readonly NamedWireField[], bytes: Uint8Array): Record<string, unknown> {
  const message: Record<string, unknown> = {};
  for (const field of fields) message[field.wire] = blank(field);
  const from = reader(bytes);
  while (!from.done) {
    const tag = from.varint();
    if (tag >>> 3 === 0) throw new RangeError('a field without a number');
    const field = fields[(tag >>> 3) - 1];
    const type = tag & 7;
    if (field === undefined || type !== (field.kind === 'number' || field.kind === 'flag' ? VARINT : BYTES)) {
      from.skip(type);
      continue;
    }
    switch (field.kind) {
      case 'text':
      case 'json':
        message[field.wire] = from.text();
        break;
      case 'number':
        message[field.wire] = from.varint();
        break;
      case 'flag':
        message[field.wire] = from.varint() !== 0;
        break;
      case 'texts':
        (message[field.wire] as string[]).push(from.text());
        break;
      case 'headers':
        readEntry(from, message[field.wire] as Record<string, string>);
    }
  }
  return message;
}
