import type { FastifyInstance } from 'fastify';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { MAX_JSON_DEPTH, isDeeperThan, parseJson } from '@bulkhead/proto/json';

/** Bodies are JSON, with each number as it stands there; anything else is refused as unknown. */
export function takeJsonOnly(
  app: Pick<FastifyInstance, 'removeAllContentTypeParsers' | 'addContentTypeParser'>,
): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (http, text, done) => {
    // A DELETE may name a type and have no body.
    if (text.length === 0 && http.method !== 'POST') {
      done(null, undefined);
      return;
    }
    // Whoever writes it out again, here or in a plugin, goes down as deep as it nests.
    if (isDeeperThan(String(text), MAX_JSON_DEPTH)) {
      const why = `the request body nests deeper than ${String(MAX_JSON_DEPTH)} levels; make it flatter`;
      done(new BulkheadError(ErrorCode.INVALID_PAYLOAD, why));
      return;
    }
    try {
      done(null, parseJson(String(text)));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      done(new BulkheadError(ErrorCode.INVALID_PAYLOAD, `the request body is not JSON: ${why}`));
    }
  });
}
