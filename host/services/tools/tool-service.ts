import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import {
  AddToolOperationRequest,
  AddToolOperationResponse,
  CreateToolRequest,
  CreateToolResponse,
  DeleteToolRequest,
  DeleteToolResponse,
  GetToolRequest,
  GetToolResponse,
  ListToolOperationsRequest,
  ListToolOperationsResponse,
  ListToolsRequest,
  ListToolsResponse,
  RemoveToolOperationRequest,
  RemoveToolOperationResponse,
  ToolServiceDefinition,
  UpdateToolRequest,
  UpdateToolResponse,
} from '@bulkhead/proto/host';
import { decodeToolOperation, type ToolObject } from '@bulkhead/proto/rules';
import type { Objects } from '../../objects/objects.js';
import { createHostMethods, type HostMethod } from '../../sidecar/host-method.js';
import { actorOf, createObjectService, writeQuery } from '../objects/object-service.js';
import { unary } from '../unary.js';

/** @param executeTool runs an operation under hooks, policy and approval */
export function createToolMethods(
  { tool }: Pick<Objects, 'tool'>,
  executeTool: HostMethod['handle'],
): readonly HostMethod[] {
  const tools = createObjectService('tool', tool);
  return createHostMethods(ToolServiceDefinition, {
    listTools: unary(ListToolsRequest, ListToolsResponse, async ({ options }, call) => {
      const { items, nextPageToken } = await tools.list(options, call);
      return { tools: items, nextPageToken };
    }),
    getTool: unary(GetToolRequest, GetToolResponse, async ({ id }, call) => ({
      tool: await tools.get(id, call),
    })),
    listToolOperations: unary(
      ListToolOperationsRequest,
      ListToolOperationsResponse,
      async ({ toolId }, call) => ({ operations: (await tools.get(toolId, call)).operations }),
    ),
    executeTool,
    addToolOperation: unary(
      AddToolOperationRequest,
      AddToolOperationResponse,
      async ({ toolId, operation, options }, call) => {
        if (operation === undefined) {
          throw new BulkheadError(ErrorCode.INVALID_ARGUMENT, 'expected the operation, got none', {
            field: 'operation',
          });
        }
        const added = decodeToolOperation(operation);
        const changed = await tool.change(
          actorOf(call),
          toolId,
          (shown) => ({ ...shown, operations: [...withoutNew(shown, operation.name), added] }),
          writeQuery(options, call),
        );
        return { tool: tools.show(changed, call) };
      },
    ),
    removeToolOperation: unary(
      RemoveToolOperationRequest,
      RemoveToolOperationResponse,
      async ({ toolId, operation, options }, call) => {
        const changed = await tool.change(
          actorOf(call),
          toolId,
          (shown) => ({ ...shown, operations: withoutOld(shown, operation) }),
          writeQuery(options, call),
        );
        return { tool: tools.show(changed, call) };
      },
    ),
    createTool: unary(CreateToolRequest, CreateToolResponse, async (request, call) => ({
      tool: await tools.create(request.tool, request.options, call),
    })),
    updateTool: unary(UpdateToolRequest, UpdateToolResponse, async (request, call) => ({
      tool: await tools.update(request.tool, request.options, call),
    })),
    deleteTool: unary(DeleteToolRequest, DeleteToolResponse, async ({ id, options }, call) => {
      await tools.delete(id, options, call);
      return {};
    }),
  });
}

/** @throws BulkheadError ALREADY_EXISTS */
function withoutNew({ id, operations }: ToolObject, name: string): ToolObject['operations'] {
  if (operations.every((operation) => operation.name !== name)) return operations;
  throw new BulkheadError(
    ErrorCode.ALREADY_EXISTS,
    `the tool '${id}' has an operation '${name.slice(0, 128)}' already; remove it first`,
    { field: 'operation' },
  );
}

/** @throws BulkheadError NOT_FOUND */
function withoutOld({ id, operations }: ToolObject, name: string): ToolObject['operations'] {
  const left = operations.filter((operation) => operation.name !== name);
  if (left.length < operations.length) return left;
  throw new BulkheadError(ErrorCode.NOT_FOUND, `the tool '${id}' has no operation '${name.slice(0, 128)}'`, {
    field: 'operation',
  });
}
