import { ToolServiceClientImpl } from '@bulkhead/proto/host';
import { parseJson, stringifyJson, type JsonValue } from '@bulkhead/proto/json';
import type { ToolOperationObject } from '@bulkhead/proto/rules';
import {
  createObjectReader,
  createObjectWriter,
  fromMessage,
  toWriteOptions,
  type HostObject,
  type ObjectReader,
  type ObjectWriteOptions,
  type ObjectWriter,
} from './object-client.js';
import { operationFromMessage, operationToMessage } from './object-messages.js';
import type { HostRpc } from './transport.js';

/** A call of a tool may wait for an operator's approval, in milliseconds. */
const EXECUTE_TIMEOUT_MS = 60_000;

export interface ExecuteOptions {
  /** Of a call that was answered with APPROVAL_PENDING: the id that the error names in its `field`. */
  readonly approvalId?: string;
  /** Default: what is left of the handler's deadline, else 60 s. */
  readonly timeoutMs?: number;
}

export interface ToolResult<Result> {
  readonly result: Result;
  /** The tool ran and said that it failed. */
  readonly isError: boolean;
}

/** The host's tools. Scopes tools.read, tools.execute, tools.operations and tools.write. */
export interface Tools extends ObjectReader<'tool'>, ObjectWriter<'tool'> {
  operations(toolId: string): Promise<readonly ToolOperationObject[]>;
  /**
   * Runs an operation through the same hooks, policy and approval as any other call of a tool.
   *
   * @throws BulkheadError NOT_FOUND, INVALID_ARGUMENT, TOOL_FAILED, TOOL_DENIED, APPROVAL_PENDING, APPROVAL_DENIED, DENIED, as a
   *   rejection
   */
  execute<Result = JsonValue>(
    toolId: string,
    operation: string,
    args?: Readonly<Record<string, unknown>>,
    options?: ExecuteOptions,
  ): Promise<ToolResult<Result>>;
  addOperation(
    toolId: string,
    operation: ToolOperationObject,
    options?: ObjectWriteOptions,
  ): Promise<HostObject<'tool'>>;
  removeOperation(
    toolId: string,
    operation: string,
    options?: ObjectWriteOptions,
  ): Promise<HostObject<'tool'>>;
}

export function createTools(rpc: HostRpc): Tools {
  const client = new ToolServiceClientImpl(rpc);
  return {
    ...createObjectReader('tool', {
      async list(options) {
        const { tools, nextPageToken } = await client.ListTools({ options });
        return { items: tools, nextPageToken };
      },
      get: async (id) => (await client.GetTool({ id })).tool,
    }),
    ...createObjectWriter('tool', {
      create: async (tool, options) => (await client.CreateTool({ tool, options })).tool,
      update: async (tool, options) => (await client.UpdateTool({ tool, options })).tool,
      delete: (id, options) => client.DeleteTool({ id, options }),
    }),
    async operations(toolId) {
      const { operations } = await client.ListToolOperations({ toolId });
      return operations.map(operationFromMessage);
    },
    async execute<Result>(
      toolId: string,
      operation: string,
      args: Readonly<Record<string, unknown>> = {},
      { approvalId, timeoutMs = EXECUTE_TIMEOUT_MS }: ExecuteOptions = {},
    ) {
      const answer = await client.ExecuteTool(
        { toolId, operation, argsJson: stringifyJson(args), approvalId: approvalId ?? '' },
        { timeoutMs },
      );
      // The tool's schema says what a result is.
      return { result: parseJson(answer.resultJson || 'null') as Result, isError: answer.isError };
    },
    addOperation: async (toolId, operation, options) => {
      const answer = await client.AddToolOperation({
        toolId,
        operation: operationToMessage(operation),
        options: toWriteOptions(options),
      });
      return fromMessage('tool', answer.tool);
    },
    removeOperation: async (toolId, operation, options) => {
      const answer = await client.RemoveToolOperation({
        toolId,
        operation,
        options: toWriteOptions(options),
      });
      return fromMessage('tool', answer.tool);
    },
  };
}
