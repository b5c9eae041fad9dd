import type { JsonObject } from '@bulkhead/proto/json';
import type { GatewayRequest } from '../gateway-request.js';
import { isObject } from './lists.js';
import type { Scope } from './scope.js';

/** A page of tools without those that the request's app may not use. */
export function allowedOnly({ identity }: GatewayRequest, scope: Scope, page: JsonObject): JsonObject {
  const { mayUseTool } = identity;
  const { tools } = page;
  if (mayUseTool === undefined || !Array.isArray(tools)) return page;
  return {
    ...page,
    tools: tools.filter((tool) => {
      const name = isObject(tool) ? tool['name'] : undefined;
      const target = typeof name === 'string' ? scope.tool(name) : undefined;
      return target !== undefined && mayUseTool(target.server, target.name);
    }),
  };
}
