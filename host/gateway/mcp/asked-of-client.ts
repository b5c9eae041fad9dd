import type { JsonObject } from '@bulkhead/proto/json';
import { RpcCode, RpcError } from '../../upstream/rpc-error.js';

const CAPABILITY: Readonly<Record<string, string>> = {
  'sampling/createMessage': 'sampling',
  'elicitation/create': 'elicitation',
  'roots/list': 'roots',
};

/**
 * Whether a client can be asked this by an upstream server.
 *
 * @throws RpcError -32601 that says which capability is missing
 */
export function assertClientCan(method: string, capabilities: unknown): void {
  const needed = CAPABILITY[method];
  const has =
    typeof capabilities === 'object' &&
    capabilities !== null &&
    needed !== undefined &&
    needed in capabilities;
  if (needed === undefined || has) return;
  throw new RpcError(
    RpcCode.METHOD_NOT_FOUND,
    `${method}: the client does not have the capability '${needed}'`,
  );
}

/** What a client answered, as an object; anything else is no result. */
export function resultOf(value: unknown): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw new RpcError(RpcCode.INTERNAL_ERROR, 'the client answered with something that is no result');
}
