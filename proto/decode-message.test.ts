import { describe, expect, test } from 'vitest';
import { decodeMessage, MAX_FIELD_READS } from './decode-message.js';
import { ErrorDetail } from './gen/bulkhead/v1/error.js';
import { RecordMetricsRequest } from './gen/bulkhead/host/v1/analytics.js';
import { WriteRequest } from './gen/bulkhead/host/v1/log.js';
import { InvokeResponse } from './gen/bulkhead/plugin/v1/hooks.js';
import { HandleRouteResponse } from './gen/bulkhead/plugin/v1/contributions.js';
import { decodeInvokeResponse } from './invoke-codec.js';
import { statusToError } from './link/status.js';
import { HOOKS } from './rules/hook-table.js';
import { decodePayload } from './rules/payload.js';

/** As many times the two bytes that are a whole field of nothing. */
function emptyFields(tag: number, count: number): Uint8Array {
  const bytes = new Uint8Array(count * 2);
  for (let at = 0; at < bytes.length; at += 2) bytes[at] = tag;
  return bytes;
}

const MANY = MAX_FIELD_READS / 2 + 1;
const tooLarge: unknown = expect.objectContaining({ code: 'MESSAGE_TOO_LARGE' });

describe('a message of an untrusted side', () => {
  test.each([
    ['lines', WriteRequest, 0x0a],
    ['metrics', RecordMetricsRequest, 0x0a],
    ['headers', HandleRouteResponse, 0x12],
    ['unknown fields', WriteRequest, 0x7a],
  ])('of more %s than may be is refused', (_what, type, tag) => {
    expect(() => decodeMessage<unknown>(type, emptyFields(tag, MANY))).toThrow(tooLarge);
    // One fewer is not.
    expect(() => decodeMessage<unknown>(type, emptyFields(tag, MANY - 1))).not.toThrow();
  });

  test('has its fields counted within messages within it', () => {
    const inner = emptyFields(0x12, MANY);
    const length = [(inner.length & 0x7f) | 0x80, ((inner.length >> 7) & 0x7f) | 0x80, inner.length >> 14];
    expect(() => decodeMessage(WriteRequest, Uint8Array.from([0x0a, ...length, ...inner]))).toThrow(tooLarge);
  });

  test('may be large', () => {
    const message = 'x'.repeat(3_000_000);
    const bytes = WriteRequest.encode(WriteRequest.fromPartial({ lines: [{ message }] })).finish();
    expect(decodeMessage(WriteRequest, bytes).lines[0]?.message).toBe(message);
  });

  test('that is an error’s detail says no more than the status', () => {
    const typed = ErrorDetail.encode(ErrorDetail.fromPartial({ code: 'NOT_FOUND' })).finish();
    const detail = Buffer.concat([typed, emptyFields(0x7a, MANY)]);
    expect(statusToError(14, 'gone', detail)).toMatchObject({ code: 'PLUGIN_UNAVAILABLE', message: 'gone' });
  });

  test('that is an answer to a hook is refused for payloads by the thousand, groups and empty entries', () => {
    expect(() => decodeInvokeResponse(emptyFields(0x1a, 50_000))).toThrow(/more than/);
    const group = Uint8Array.from([0x7b, ...emptyFields(0x12, MANY), 0x7c]);
    expect(() => decodeInvokeResponse(group)).toThrow(tooLarge);
    const entry = InvokeResponse.encode(
      InvokeResponse.fromPartial({ changed: ['x'.repeat(200_000)] }),
    ).finish();
    expect(decodeInvokeResponse(entry).changed).toHaveLength(1);
  });

  test('that is a payload is refused for its entries, and for fields within one', () => {
    const refused: unknown = expect.objectContaining({ code: 'PROTOCOL_ERROR', cause: tooLarge });
    // http_pre_request has a map of headers as its fifth field.
    expect(() => decodePayload(HOOKS.http_pre_request, emptyFields(0x2a, MANY))).toThrow(refused);
    const inner = emptyFields(0x0a, MANY);
    const length = [(inner.length & 0x7f) | 0x80, ((inner.length >> 7) & 0x7f) | 0x80, inner.length >> 14];
    const one = Uint8Array.from([0x2a, ...length, ...inner]);
    expect(() => decodePayload(HOOKS.http_pre_request, one)).toThrow(refused);
  });
});
