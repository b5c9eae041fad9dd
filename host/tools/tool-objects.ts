import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { ToolObject, ToolOperationObject } from '@bulkhead/proto/rules';
import type { ObjectCollection } from '../objects/objects.js';
import type { Upstreams } from '../upstream/upstreams.js';
import type { ContributedTools } from './contributed-tools.js';
import type { HttpClient } from './kinds/http-client.js';
import { httpTool } from './kinds/http-tool.js';
import { upstreamTool } from './kinds/upstream-tool.js';
import type { Tool } from './tool.js';

export interface ToolObjectsOptions {
  readonly objects: Pick<ObjectCollection<ToolObject>, 'get'>;
  readonly upstreams: Pick<Upstreams, 'get'>;
  readonly contributed: Pick<ContributedTools, 'find'>;
  readonly http: HttpClient;
}

/**
 * The tool behind an operation of a tool object.
 *
 * @throws NOT_FOUND, FORBIDDEN when the object is not active, UPSTREAM_NOT_FOUND
 */
export async function toolOfObject(
  options: ToolObjectsOptions,
  id: string,
  operation: string,
): Promise<Tool> {
  const object = await options.objects.get(id);
  const found = object.operations.find(({ name }) => name === operation);
  if (found === undefined) {
    const known = object.operations.map(({ name }) => name).join(', ') || 'none';
    throw new BulkheadError(
      ErrorCode.NOT_FOUND,
      `tool '${id}' has no operation '${operation}'; it has: ${known}`,
    );
  }
  if (!object.active) throw new BulkheadError(ErrorCode.FORBIDDEN, `tool '${id}' is not active`);
  return toolBehind(options, object, found);
}

function toolBehind(
  { upstreams, contributed, http }: ToolObjectsOptions,
  object: ToolObject,
  operation: ToolOperationObject,
): Tool {
  const { kind, server = '', plugin = '' } = object;
  const target = operation.target ?? operation.name;
  if (kind === 'http') return httpTool(object, operation, http);
  if (kind === 'mcp') {
    const upstream = upstreams.get(server);
    if (upstream !== undefined) return upstreamTool(upstream, target);
    throw new BulkheadError(
      ErrorCode.UPSTREAM_NOT_FOUND,
      `tool '${object.id}' is of the MCP server '${server}', which is not configured`,
    );
  }
  const tool = contributed.find(plugin, target);
  if (tool !== undefined) return tool;
  throw new BulkheadError(
    ErrorCode.NOT_FOUND,
    `tool '${object.id}' is of plugin '${plugin}', which is not enabled or has no tool '${target}'`,
  );
}
