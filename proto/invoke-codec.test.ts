import { expect, test } from 'vitest';
import { InvokeRequest, InvokeResponse } from './plugin.js';
import { decodeInvokeResponse, encodeInvokeRequest } from './invoke-codec.js';

const request = (payloadBytes: number): InvokeRequest =>
  InvokeRequest.fromPartial({
    hook: 'tool_pre_invoke',
    payload: Buffer.alloc(payloadBytes, 'p'),
    context: { requestId: `r-${payloadBytes}`, user: { id: 'ü', roles: ['a', 'b'] } },
    state: { one: '1' },
  });

test('requests of any size, one after another, have the bytes of the generated codec', () => {
  for (const size of [0, 1, 5_000, 200_000, 3, 65_536, 65_537, 0]) {
    const expected = InvokeRequest.encode(request(size)).finish();
    expect(Buffer.compare(encodeInvokeRequest(request(size)), expected)).toBe(0);
  }
});

test('bytes once given out are not written over by the next request', () => {
  const first = encodeInvokeRequest(request(10));
  const copy = Buffer.from(first);
  encodeInvokeRequest(request(20));
  expect(Buffer.compare(first, copy)).toBe(0);
});

test('a request that cannot be encoded spoils no later one', () => {
  // Whatever a caller without types may pass.
  const broken = Object.assign(request(1), { state: null });
  expect(() => encodeInvokeRequest(broken)).toThrow();
  expect(InvokeRequest.decode(encodeInvokeRequest(request(2)))).toEqual(
    InvokeRequest.decode(InvokeRequest.encode(request(2)).finish()),
  );
});

test('an empty answer allows, and a full one is read as it was written', () => {
  expect(decodeInvokeResponse(new Uint8Array(0))).toEqual(InvokeResponse.decode(new Uint8Array(0)));
  const answer = InvokeResponse.fromPartial({
    decision: 1,
    changed: ['args'],
    payload: Buffer.from('x'),
    state: { a: '1' },
  });
  expect(decodeInvokeResponse(InvokeResponse.encode(answer).finish())).toEqual(
    InvokeResponse.decode(InvokeResponse.encode(answer).finish()),
  );
});

test.for([
  ['metadata', { metadata: Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`key${n}`, '1'])) }],
  ['state', { state: Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`key${n}`, '1'])) }],
  ['changed', { changed: Array.from({ length: 20_000 }, () => 'name') }],
  ['a violation', { violation: { reason: 'r'.repeat(300_000) } }],
] as const)('an answer of absurdly much in %s is refused before it is read', ([, answer]) => {
  const body = InvokeResponse.encode(InvokeResponse.fromPartial(answer)).finish();
  expect(() => decodeInvokeResponse(body)).toThrow(/more than/);
});

test('a large payload is no reason to refuse an answer', () => {
  const answer = InvokeResponse.fromPartial({
    decision: 1,
    changed: ['args'],
    payload: Buffer.alloc(3_000_000, 1),
  });
  expect(decodeInvokeResponse(InvokeResponse.encode(answer).finish()).payload).toHaveLength(3_000_000);
});
