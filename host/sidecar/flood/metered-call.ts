import { ErrorCode, isBulkheadError } from '@bulkhead/proto';
import type { FloodMeter } from './flood-meter.js';

/** The answer of such a call may have come in part, and nobody knows how much of it. */
const CUT_OFF: ReadonlySet<ErrorCode> = new Set([
  ErrorCode.DEADLINE_EXCEEDED,
  ErrorCode.CANCELLED,
  ErrorCode.MESSAGE_TOO_LARGE,
]);

/** A native call of the host's, with what of its answer explains bytes that come. */
export async function meteredCall(
  meter: FloodMeter,
  body: Uint8Array,
  maxMessageBytes: number,
  call: () => Promise<Uint8Array>,
): Promise<Uint8Array> {
  meter.calling();
  meter.sent(body.length);
  meter.lend(maxMessageBytes);
  try {
    const answer = await call();
    meter.received(answer.length);
    return answer;
  } catch (error) {
    if (isBulkheadError(error) && CUT_OFF.has(error.code)) meter.carried(maxMessageBytes);
    throw error;
  } finally {
    meter.lend(-maxMessageBytes);
  }
}
