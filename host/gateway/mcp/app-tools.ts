import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { JsonObject } from '@bulkhead/proto/json';
import type { GatewayRequest } from '../gateway-request.js';
import { isObject } from './lists.js';
import type { Scope } from './scope.js';

/** @throws BulkheadError FORBIDDEN when the request's app may not use the tool */
export function assertMayUse({ identity }: GatewayRequest, server: string, tool: string): void {
  if (identity.mayUseTool?.(server, tool) ?? true) return;
  throw new BulkheadError(
    ErrorCode.FORBIDDEN,
    `the app '${identity.appId ?? ''}' is not allowed the tool '${server}/${tool.slice(0, 128)}'`,
  );
}

/** A page of tools without those that the request's app may not use. */
export function allowedOnly({ identity }: GatewayRequest, scope: Scope, page: JsonObject): JsonObject {
  const { mayUseTool } = identity;
  const { tools } = page;
  if (mayUseTool === undefined || !Array.isArray(tools)) return page;
  return {
    ...page,
    tools: tools.filter((tool) => {
      const name = isObject(tool) ? tool['name'] : undefined;
      const target = typeof name === 'string' ? scope.named(name) : undefined;
      return target !== undefined && mayUseTool(target.upstream.name, target.name);
    }),
  };
}
