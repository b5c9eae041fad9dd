import { BulkheadError, ErrorCode } from '../errors.js';
import type { Frame, LinkCall, LinkPart, LinkReply } from './frame.js';
import { TAG_CALLS, TAG_CANCELS, TAG_FRAME, TAG_PARTS, TAG_REPLIES } from './frame-tags.js';

const EMPTY = new Uint8Array(0);

/** Calls, answers, cancels and parts of one frame; our own side never comes near it, and an object each is dear. */
const MAX_FRAME_ITEMS = 16_384;

class Reader {
  readonly bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** A varint of up to 64 bits, kept to its low 32, as protobuf has it for uint32. */
  varint(end: number): number {
    const { bytes } = this;
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.at >= end) throw malformed('a number runs past its end');
      const byte = bytes[this.at++] ?? 0;
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw malformed('a number is longer than ten bytes');
  }

  /** Reads a length and returns where that many bytes end. */
  lengthEnd(end: number): number {
    const stop = this.varint(end) + this.at;
    if (stop > end) throw malformed('a field runs past its end');
    return stop;
  }

  take(end: number): Buffer {
    const stop = this.lengthEnd(end);
    const view = this.bytes.subarray(this.at, stop);
    this.at = stop;
    return view;
  }

  text(end: number): string {
    const stop = this.lengthEnd(end);
    const text = this.bytes.toString('utf8', this.at, stop);
    this.at = stop;
    return text;
  }

  skip(tag: number, end: number): void {
    const kind = tag & 7;
    if (tag >>> 3 === 0) throw malformed('field number 0');
    if (kind === 0) this.varint(end);
    else if (kind === 2) this.at = this.lengthEnd(end);
    else if (kind === 1 || kind === 5) {
      this.at += kind === 1 ? 8 : 4;
      if (this.at > end) throw malformed('a field runs past its end');
    } else throw malformed(`wire type ${kind}`);
  }
}

function malformed(what: string): BulkheadError {
  return new BulkheadError(ErrorCode.PROTOCOL_ERROR, `link: the bytes are no frame: ${what}`);
}

function tooMany(): BulkheadError {
  return malformed(`more than ${MAX_FRAME_ITEMS} calls, answers, cancels and parts in one`);
}

function readCall(reader: Reader, end: number): LinkCall {
  let id = 0;
  let method = 0;
  let timeoutMs = 0;
  let traceparent = '';
  let body: Uint8Array = EMPTY;
  let rest = 0;
  while (reader.at < end) {
    const tag = reader.varint(end);
    if (tag === 0x08) id = reader.varint(end);
    else if (tag === 0x10) method = reader.varint(end);
    else if (tag === 0x18) timeoutMs = reader.varint(end);
    else if (tag === 0x22) traceparent = reader.text(end);
    else if (tag === 0x2a) body = reader.take(end);
    else if (tag === 0x30) rest = reader.varint(end);
    else reader.skip(tag, end);
  }
  return { id, method, timeoutMs, traceparent, body, rest };
}

function readReply(reader: Reader, end: number): LinkReply {
  let id = 0;
  let status = 0;
  let message = '';
  let detail: Uint8Array = EMPTY;
  let body: Uint8Array = EMPTY;
  let rest = 0;
  while (reader.at < end) {
    const tag = reader.varint(end);
    if (tag === 0x08) id = reader.varint(end);
    else if (tag === 0x10) status = reader.varint(end);
    else if (tag === 0x1a) message = reader.text(end);
    else if (tag === 0x22) detail = reader.take(end);
    else if (tag === 0x2a) body = reader.take(end);
    else if (tag === 0x30) rest = reader.varint(end);
    else reader.skip(tag, end);
  }
  return { id, status, message, detail, body, rest };
}

function readPart(reader: Reader, end: number): LinkPart {
  let id = 0;
  let ofReply = false;
  let body: Uint8Array = EMPTY;
  while (reader.at < end) {
    const tag = reader.varint(end);
    if (tag === 0x08) id = reader.varint(end);
    else if (tag === 0x10) ofReply = reader.varint(end) !== 0;
    else if (tag === 0x1a) body = reader.take(end);
    else reader.skip(tag, end);
  }
  return { id, ofReply, body };
}

/**
 * The frame inside an OpenRequest or OpenResponse. Bodies are views into `bytes`.
 *
 * @throws BulkheadError PROTOCOL_ERROR
 */
export function decodeFrame(bytes: Buffer): Frame {
  const reader = new Reader(bytes);
  const calls: LinkCall[] = [];
  const replies: LinkReply[] = [];
  const cancels: number[] = [];
  const parts: LinkPart[] = [];
  const end = bytes.length;
  while (reader.at < end) {
    const outer = reader.varint(end);
    if (outer !== TAG_FRAME) {
      reader.skip(outer, end);
      continue;
    }
    const frameEnd = reader.lengthEnd(end);
    while (reader.at < frameEnd) {
      if (calls.length + replies.length + cancels.length + parts.length > MAX_FRAME_ITEMS) throw tooMany();
      const tag = reader.varint(frameEnd);
      if (tag === TAG_CALLS) calls.push(readCall(reader, reader.lengthEnd(frameEnd)));
      else if (tag === TAG_REPLIES) replies.push(readReply(reader, reader.lengthEnd(frameEnd)));
      else if (tag === TAG_PARTS) parts.push(readPart(reader, reader.lengthEnd(frameEnd)));
      else if (tag === TAG_CANCELS) {
        const stop = reader.lengthEnd(frameEnd);
        while (reader.at < stop && cancels.length <= MAX_FRAME_ITEMS) cancels.push(reader.varint(stop));
        if (reader.at < stop) throw tooMany();
      } else if (tag === 0x18) cancels.push(reader.varint(frameEnd));
      else reader.skip(tag, frameEnd);
    }
  }
  if (calls.length + replies.length + cancels.length + parts.length > MAX_FRAME_ITEMS) throw tooMany();
  return { calls, replies, cancels, parts };
}
