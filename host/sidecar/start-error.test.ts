import { expect, test } from 'vitest';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { asCertificateError, CLOSED_AFTER_TLS } from './start-error.js';

test.each([
  'Failed to connect',
  'No connection established. Last error: read ECONNRESET',
  'No connection established. Last error: write EPIPE',
  'Client network socket disconnected before secure TLS connection was established',
  'Connection dropped',
])('a first connection that ends with "%s" is a refused certificate', (message) => {
  const error = asCertificateError(
    new BulkheadError(ErrorCode.PLUGIN_UNAVAILABLE, message),
    CLOSED_AFTER_TLS,
  );
  expect(error).toMatchObject({ code: ErrorCode.CERTIFICATE_REFUSED });
});

test('nobody listening is no refused certificate', () => {
  const error = new BulkheadError(ErrorCode.PLUGIN_UNAVAILABLE, 'Last error: connect ECONNREFUSED');
  expect(asCertificateError(error, CLOSED_AFTER_TLS)).toBe(error);
});
