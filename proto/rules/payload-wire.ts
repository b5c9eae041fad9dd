import type { FieldKind } from './hook-table.js';

/** One member of a payload message: its number in payloads.proto and how it is written. */
export interface WireField {
  readonly kind: FieldKind;
  /** Field number in the protobuf message. */
  readonly number: number;
}

/** A value as it stands on the wire: the text of a `json` field, every other kind as it is. */
export type WireValue = string | number | boolean | readonly string[] | Readonly<Record<string, string>>;

// The generated codec builds a message object first and grows its buffer as it writes; on the path of every
// call that costs more than the rest of the pipeline. The bytes are the same, and a test holds the two together.

const VARINT = 0;
const BYTES = 2;

/** Shorter strings are measured and written faster in JavaScript than through a native call. */
const SHORT = 40;

/** Bytes of `text` in UTF-8. */
export function utf8Length(text: string): number {
  const { length } = text;
  if (length > SHORT) return Buffer.byteLength(text);
  for (let i = 0; i < length; i++) if (text.charCodeAt(i) > 0x7f) return Buffer.byteLength(text);
  return length;
}

function varintLength(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5;
}

function delimited(length: number): number {
  return varintLength(length) + length;
}

/** Writes one message of known size. */
class Writer {
  readonly bytes: Buffer;
  #position = 0;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafe(size);
  }

  varint(value: number): void {
    let rest = value;
    while (rest > 0x7f) {
      this.bytes[this.#position++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.bytes[this.#position++] = rest;
  }

  text(number: number, text: string, length: number): void {
    this.varint((number << 3) | BYTES);
    this.varint(length);
    if (length > SHORT || length !== text.length) {
      this.bytes.write(text, this.#position, length === text.length ? 'latin1' : 'utf8');
    } else {
      for (let i = 0; i < length; i++) this.bytes[this.#position + i] = text.charCodeAt(i);
    }
    this.#position += length;
  }

  entry(number: number, key: string, value: string): void {
    const keyLength = utf8Length(key);
    const valueLength = utf8Length(value);
    this.varint((number << 3) | BYTES);
    this.varint(2 + delimited(keyLength) + delimited(valueLength));
    this.text(1, key, keyLength);
    this.text(2, value, valueLength);
  }
}

function entryLength(key: string, value: string): number {
  return 2 + delimited(utf8Length(key)) + delimited(utf8Length(value));
}

function sizeOf(field: WireField, value: WireValue): number {
  // Every field number is below 16, so a tag is one byte.
  switch (field.kind) {
    case 'text':
    case 'json':
      return value === '' ? 0 : 1 + delimited(utf8Length(value as string));
    case 'number':
      return value === 0 ? 0 : 1 + varintLength(value as number);
    case 'flag':
      return 2;
    case 'texts': {
      let size = 0;
      for (const text of value as readonly string[]) size += 1 + delimited(utf8Length(text));
      return size;
    }
    case 'headers': {
      let size = 0;
      const map = value as Readonly<Record<string, string>>;
      for (const key in map)
        if (Object.hasOwn(map, key)) size += 1 + delimited(entryLength(key, map[key] ?? ''));
      return size;
    }
  }
}

function write(writer: Writer, field: WireField, value: WireValue): void {
  switch (field.kind) {
    case 'text':
    case 'json':
      if (value !== '') writer.text(field.number, value as string, utf8Length(value as string));
      return;
    case 'number':
      if (value === 0) return;
      writer.varint((field.number << 3) | VARINT);
      writer.varint(value as number);
      return;
    case 'flag':
      writer.varint((field.number << 3) | VARINT);
      writer.varint(value === true ? 1 : 0);
      return;
    case 'texts':
      for (const text of value as readonly string[]) writer.text(field.number, text, utf8Length(text));
      return;
    case 'headers': {
      const map = value as Readonly<Record<string, string>>;
      for (const key in map) if (Object.hasOwn(map, key)) writer.entry(field.number, key, map[key] ?? '');
    }
  }
}

/**
 * The message's bytes: `values[i]` is the value of `fields[i]`, undefined for one that is not sent.
 * A `json` or `text` field that is empty is not written either.
 */
export function encodeFields(
  fields: readonly WireField[],
  values: readonly (WireValue | undefined)[],
): Uint8Array {
  let size = 0;
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i];
    const value = values[i];
    if (field !== undefined && value !== undefined) size += sizeOf(field, value);
  }
  const writer = new Writer(size);
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i];
    const value = values[i];
    if (field !== undefined && value !== undefined) write(writer, field, value);
  }
  return writer.bytes;
}
