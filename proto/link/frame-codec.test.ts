import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OpenRequest } from '../gen/bulkhead/plugin/v1/link.js';
import { isBulkheadError } from '../errors.js';
import { decodeFrame } from './decode-frame.js';
import { encodeFrame } from './encode-frame.js';
import type { Frame } from './frame.js';

const uint32 = fc.oneof(fc.nat(300), fc.integer({ min: 0, max: 0xffff_ffff }));
const bytes = fc.uint8Array({ maxLength: 300 });
const text = fc.string({ unit: 'grapheme', maxLength: 60 });
const frames: fc.Arbitrary<Frame> = fc.record({
  calls: fc.array(
    fc.record({
      id: uint32,
      method: uint32,
      timeoutMs: uint32,
      traceparent: text,
      body: bytes,
      rest: uint32,
    }),
  ),
  replies: fc.array(
    fc.record({ id: uint32, status: uint32, message: text, detail: bytes, body: bytes, rest: uint32 }),
  ),
  cancels: fc.array(uint32),
  parts: fc.array(fc.record({ id: uint32, ofReply: fc.boolean(), body: bytes })),
});

// Buffers and Uint8Arrays with the same bytes are equal here.
const plain = (frame: Frame): unknown => ({
  calls: frame.calls.map((call) => ({ ...call, body: [...call.body] })),
  replies: frame.replies.map((reply) => ({ ...reply, detail: [...reply.detail], body: [...reply.body] })),
  cancels: [...frame.cancels],
  parts: frame.parts.map((part) => ({ ...part, body: [...part.body] })),
});

test('the generated codec reads what the hand-written one writes', () => {
  fc.assert(
    fc.property(frames, (frame) => {
      const read = OpenRequest.decode(encodeFrame(frame)).frame;
      expect(read === undefined ? undefined : plain(read)).toEqual(plain(frame));
    }),
    { numRuns: 500 },
  );
});

test('the hand-written codec reads what the generated one writes', () => {
  fc.assert(
    fc.property(frames, (frame) => {
      const message = OpenRequest.fromPartial({
        frame: {
          calls: [...frame.calls],
          replies: [...frame.replies],
          cancels: [...frame.cancels],
          parts: [...frame.parts],
        },
      });
      expect(plain(decodeFrame(Buffer.from(OpenRequest.encode(message).finish())))).toEqual(plain(frame));
    }),
    { numRuns: 500 },
  );
});

test('any bytes are a frame or a typed error, never a crash or a loop', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (garbage) => {
      try {
        decodeFrame(Buffer.from(garbage));
      } catch (error) {
        expect(isBulkheadError(error) && error.code).toBe('PROTOCOL_ERROR');
      }
    }),
    { numRuns: 2_000 },
  );
});

test('a frame cut short anywhere is refused or is a shorter frame', () => {
  const whole = encodeFrame({
    calls: [{ id: 1, method: 2, timeoutMs: 3, traceparent: 't', body: Buffer.from('body'), rest: 0 }],
    replies: [],
    cancels: [7, 300],
    parts: [{ id: 2, ofReply: true, body: Buffer.from('part') }],
  });
  for (let length = 1; length < whole.length; length += 1) {
    expect(() => decodeFrame(whole.subarray(0, length))).toThrow(/no frame/);
  }
});

test('fields that are not known yet are passed over', () => {
  const known = encodeFrame({ calls: [], replies: [], cancels: [5], parts: [] });
  const unknown = Buffer.from([0x7a, 0x02, 0x01, 0x02]);
  expect(decodeFrame(Buffer.concat([unknown, known, unknown])).cancels).toEqual([5]);
});

test.for([
  ['calls', Buffer.alloc(40_000, Buffer.from([0x0a, 0x00]))],
  ['answers', Buffer.alloc(40_000, Buffer.from([0x12, 0x00]))],
  ['parts', Buffer.alloc(40_000, Buffer.from([0x22, 0x00]))],
  ['cancels', Buffer.concat([Buffer.from([0x1a, 0xa0, 0x9c, 0x01]), Buffer.alloc(20_000, 1)])],
])('a frame of twenty thousand empty %s is refused', ([, inner]) => {
  const frame = Buffer.from(inner ?? []);
  const head = Buffer.from([
    0x0a,
    (frame.length & 0x7f) | 0x80,
    ((frame.length >> 7) & 0x7f) | 0x80,
    frame.length >> 14,
  ]);
  expect(() => decodeFrame(Buffer.concat([head, frame]))).toThrow(/more than 16384/);
});
