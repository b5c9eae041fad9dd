import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import {
  AppServiceDefinition,
  DatasourceServiceDefinition,
  LlmServiceDefinition,
  ToolServiceDefinition,
  UserServiceDefinition,
} from '@bulkhead/proto/host';
import { parseJson, stringifyJson, type JsonObject, type JsonValue } from '@bulkhead/proto/json';
import { decodeToolOperation, isPlainObject, encodeToolOperation, toolResultOf } from '@bulkhead/proto/rules';
import { assertSchema } from '../assert-schema.js';
import { invalid } from './pages.js';
import { ObjectCollectionTwin, type ObjectTwinParts } from './object-collection.js';
import { createTwinMethods, unary, type TwinMethod } from './twin-methods.js';

/**
 * What runs a tool's operation in a test. A thrown error is TOOL_FAILED. Of a tool of kind `mcp` it is the whole result of
 * `tools/call`; of others the value that the tool answers with, which the host makes a result of.
 */
export type TestToolRun = (args: JsonObject, operation: string) => unknown;

/** What answers a query in a test: rows, or what makes them of the query. */
export type TestRows =
  | readonly object[]
  | ((query: { readonly sql: string; readonly parameters: JsonValue | undefined }) => readonly object[]);

/** Objects that the host keeps, as somebody would write them; what is absent gets its default. */
export interface TestObjects {
  readonly llm?: readonly object[];
  readonly datasource?: readonly object[];
  readonly tool?: readonly object[];
  readonly user?: readonly object[];
  readonly app?: readonly object[];
}

export interface ObjectsTwinOptions extends ObjectTwinParts {
  readonly contents: TestObjects;
  /** By id of the tool. */
  readonly tools: Readonly<Record<string, TestToolRun>>;
  /** By id of the data source. */
  readonly rows: Readonly<Record<string, TestRows>>;
}

/** The host's objects in memory, and what may be done with them. */
export class ObjectsTwin {
  readonly llm: ObjectCollectionTwin<'llm'>;
  readonly datasource: ObjectCollectionTwin<'datasource'>;
  readonly tool: ObjectCollectionTwin<'tool'>;
  readonly user: ObjectCollectionTwin<'user'>;
  readonly app: ObjectCollectionTwin<'app'>;
  readonly methods: readonly TwinMethod[];
  readonly #options: ObjectsTwinOptions;

  constructor(options: ObjectsTwinOptions) {
    const { contents } = options;
    this.#options = options;
    this.llm = new ObjectCollectionTwin('llm', options, contents.llm ?? []);
    this.datasource = new ObjectCollectionTwin('datasource', options, contents.datasource ?? []);
    this.tool = new ObjectCollectionTwin('tool', options, contents.tool ?? []);
    this.user = new ObjectCollectionTwin('user', options, contents.user ?? []);
    this.app = new ObjectCollectionTwin('app', options, contents.app ?? []);
    this.methods = [
      ...this.#serveLlms(),
      ...this.#serveDatasources(),
      ...this.#serveTools(),
      ...this.#serveApps(),
      ...this.#serveUsers(),
    ];
  }

  #serveLlms(): readonly TwinMethod[] {
    const { methods } = LlmServiceDefinition;
    const { llm } = this;
    return createTwinMethods(LlmServiceDefinition, [
      unary(methods.listLlms, ({ options }) => {
        const { items, nextPageToken } = llm.list(options);
        return { llms: items, nextPageToken };
      }),
      unary(methods.getLlm, ({ id }) => ({ llm: llm.show(llm.find(id)) })),
      unary(methods.countLlms, ({ filter }) => ({ count: BigInt(llm.count(filter)) })),
      unary(methods.createLlm, (request) => ({ llm: llm.create(request.llm, request.options) })),
      unary(methods.updateLlm, (request) => ({ llm: llm.update(request.llm, request.options) })),
      unary(methods.deleteLlm, ({ id, options }) => {
        llm.delete(id, options);
        return {};
      }),
    ]);
  }

  #serveDatasources(): readonly TwinMethod[] {
    const { methods } = DatasourceServiceDefinition;
    const { datasource } = this;
    return createTwinMethods(DatasourceServiceDefinition, [
      unary(methods.listDatasources, ({ options }) => {
        const { items, nextPageToken } = datasource.list(options);
        return { datasources: items, nextPageToken };
      }),
      unary(methods.getDatasource, ({ id }) => ({ datasource: datasource.show(datasource.find(id)) })),
      unary(methods.createDatasource, (request) => ({
        datasource: datasource.create(request.datasource, request.options),
      })),
      unary(methods.updateDatasource, (request) => ({
        datasource: datasource.update(request.datasource, request.options),
      })),
      unary(methods.deleteDatasource, ({ id, options }) => {
        datasource.delete(id, options);
        return {};
      }),
      unary(methods.queryDatasource, ({ datasourceId, sql, parametersJson, maxRows }) => {
        const { max_rows: most, active } = datasource.find(datasourceId);
        const given = this.#options.rows[datasourceId];
        if (given === undefined || !active) {
          throw new BulkheadError(
            ErrorCode.QUERY_FAILED,
            `data source '${datasourceId}' answers nothing: give testPlugin rows for it`,
          );
        }
        const parameters = parametersJson === '' ? undefined : parseJson(parametersJson);
        const rows = typeof given === 'function' ? given({ sql, parameters }) : given;
        const limit = maxRows === 0 ? most : Math.min(maxRows, most);
        const page = rows.slice(0, limit);
        return {
          columns: Object.keys(page[0] ?? {}),
          rowsJson: page.map((row) => stringifyJson(row)),
          truncated: rows.length > limit,
          changedRows: 0n,
        };
      }),
    ]);
  }

  #serveTools(): readonly TwinMethod[] {
    const { methods } = ToolServiceDefinition;
    const { tool } = this;
    return createTwinMethods(ToolServiceDefinition, [
      unary(methods.listTools, ({ options }) => {
        const { items, nextPageToken } = tool.list(options);
        return { tools: items, nextPageToken };
      }),
      unary(methods.getTool, ({ id }) => ({ tool: tool.show(tool.find(id)) })),
      unary(methods.listToolOperations, ({ toolId }) => ({
        operations: tool.find(toolId).operations.map(encodeToolOperation),
      })),
      unary(methods.executeTool, async ({ toolId, operation, argsJson }) => {
        const { operations, active, kind } = tool.find(toolId);
        const found = operations.find(({ name }) => name === operation);
        if (found === undefined)
          throw new BulkheadError(ErrorCode.NOT_FOUND, `tool '${toolId}' has no operation '${operation}'`);
        if (!active) throw new BulkheadError(ErrorCode.FORBIDDEN, `tool '${toolId}' is not active`);
        const args = readArgs(argsJson);
        const run = this.#options.tools[toolId];
        if (run === undefined) {
          throw new BulkheadError(
            ErrorCode.TOOL_FAILED,
            `tool '${toolId}' does nothing: give testPlugin toolRuns for it`,
          );
        }
        // A server of its own checks what it is asked, and answers as it likes.
        const ofServer = kind === 'mcp';
        if (!ofServer)
          assertSchema(`arguments of ${operation}`, found.input_schema, args, ErrorCode.INVALID_ARGUMENT);
        const value = await runTool(run, args, operation);
        if (ofServer) {
          const isError = isPlainObject(value) && value['isError'] === true;
          return { resultJson: stringifyJson(value), isError };
        }
        assertSchema(`answer of ${operation}`, found.output_schema, value, ErrorCode.TOOL_FAILED);
        return { resultJson: stringifyJson(toolResultOf(parseJson(stringifyJson(value)))), isError: false };
      }),
      unary(methods.addToolOperation, ({ toolId, operation, options }) => {
        if (operation === undefined) throw invalid('operation', 'expected an operation');
        const added = decodeToolOperation(operation);
        return {
          tool: tool.change(
            toolId,
            (kept) => ({ ...kept, operations: [...kept.operations, added] }),
            options,
          ),
        };
      }),
      unary(methods.removeToolOperation, ({ toolId, operation, options }) => {
        if (!tool.find(toolId).operations.some(({ name }) => name === operation)) {
          throw new BulkheadError(ErrorCode.NOT_FOUND, `tool '${toolId}' has no operation '${operation}'`);
        }
        return {
          tool: tool.change(
            toolId,
            (kept) => ({ ...kept, operations: kept.operations.filter(({ name }) => name !== operation) }),
            options,
          ),
        };
      }),
      unary(methods.createTool, (request) => ({ tool: tool.create(request.tool, request.options) })),
      unary(methods.updateTool, (request) => ({ tool: tool.update(request.tool, request.options) })),
      unary(methods.deleteTool, ({ id, options }) => {
        tool.delete(id, options);
        return {};
      }),
    ]);
  }

  #serveApps(): readonly TwinMethod[] {
    const { methods } = AppServiceDefinition;
    const { app } = this;
    return createTwinMethods(AppServiceDefinition, [
      unary(methods.listApps, ({ options }) => {
        const { items, nextPageToken } = app.list(options);
        return { apps: items, nextPageToken };
      }),
      unary(methods.getApp, ({ id }) => ({ app: app.show(app.find(id)) })),
      unary(methods.getAppByCredential, ({ credential }) => ({
        app: app.show(app.findByCredential(credential)),
      })),
      unary(methods.patchAppMetadata, ({ id, key, valueJson }) => ({
        app: app.note(id, key, valueJson === '' ? undefined : parseJson(valueJson)),
      })),
      unary(methods.createApp, (request) => ({ app: app.create(request.app, request.options) })),
      unary(methods.updateApp, (request) => ({ app: app.update(request.app, request.options) })),
      unary(methods.deleteApp, ({ id, options }) => {
        app.delete(id, options);
        return {};
      }),
    ]);
  }

  #serveUsers(): readonly TwinMethod[] {
    const { methods } = UserServiceDefinition;
    const { user } = this;
    return createTwinMethods(UserServiceDefinition, [
      unary(methods.getUser, ({ id }) => ({ user: user.show(user.find(id)) })),
      unary(methods.getUserByCredential, ({ credential }) => ({
        user: user.show(user.findByCredential(credential)),
      })),
    ]);
  }
}

async function runTool(run: TestToolRun, args: JsonObject, operation: string): Promise<unknown> {
  try {
    return await run(args, operation);
  } catch (error) {
    throw BulkheadError.from(error, ErrorCode.TOOL_FAILED);
  }
}

function readArgs(text: string): JsonObject {
  const value = text === '' ? {} : parseJson(text);
  if (isJsonObject(value)) return value;
  throw invalid('args_json', 'expected the JSON text of an object');
}

function isJsonObject(value: JsonValue): value is JsonObject {
  return isPlainObject(value);
}
