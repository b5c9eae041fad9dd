import fc from 'fast-check';
import { isBulkheadError } from '@bulkhead/proto';
import { InvokeRequest } from '@bulkhead/proto/plugin';
import { describe, expect, it } from 'vitest';
import { CallRequest } from './call-request.js';

const text = fc.dictionary(fc.string(), fc.string({ maxLength: 300 }), { maxKeys: 3 });
const requests = fc
  .record({
    hook: fc.constantFrom('', 'a', 'tool_pre_invoke'),
    payload: fc.uint8Array({ maxLength: 40_000 }),
    context: fc.option(fc.record({ requestId: fc.string() }), { nil: undefined }),
    state: text,
    shared: text,
    outcome: fc.option(fc.record({ allowed: fc.boolean() }), { nil: undefined }),
  })
  .map((parts) => InvokeRequest.fromPartial(parts));

function payloadOf(request: CallRequest): Buffer {
  return request.body.subarray(request.payloadStart, request.payloadEnd);
}

describe('CallRequest', () => {
  it('reads what the generated codec writes', () => {
    fc.assert(
      fc.property(requests, (message) => {
        const request = new CallRequest(InvokeRequest.encode(message).finish());
        expect(request.hook).toBe(message.hook);
        expect(payloadOf(request).equals(message.payload)).toBe(true);
        expect(request.message.context).toEqual(message.context);
        expect(request.message.state).toEqual(message.state);
      }),
    );
  });

  it('reads past fields that a newer host may add', () => {
    const known = InvokeRequest.encode(
      InvokeRequest.fromPartial({ hook: 'h', payload: new Uint8Array([1, 2]) }),
    ).finish();
    // Field 7 as a number, field 16 as text; before and after what is known.
    const extra = Buffer.from([0x38, 0x05, 0x82, 0x01, 0x01, 0x78]);
    for (const bytes of [Buffer.concat([extra, known]), Buffer.concat([known, extra])]) {
      const request = new CallRequest(bytes);
      expect(request.hook).toBe('h');
      expect([...payloadOf(request)]).toEqual([1, 2]);
    }
  });

  it('either reads bytes or says PROTOCOL_ERROR', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          const request = new CallRequest(bytes);
          expect(request.payloadEnd).toBeLessThanOrEqual(bytes.length);
        } catch (error) {
          expect(isBulkheadError(error) && error.code).toBe('PROTOCOL_ERROR');
        }
      }),
    );
  });
});
