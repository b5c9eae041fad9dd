import { BulkheadError, ErrorCode } from '../../errors.js';
import type {
  App,
  Datasource,
  Llm,
  ObjectMeta,
  Tool,
  ToolOperation,
  User,
} from '../../gen/bulkhead/host/v1/objects.js';
import type { ObjectType } from '../contributions.js';
import { isPlainObject } from '../payload.js';
import type {
  AppObject,
  DatasourceObject,
  LlmObject,
  ObjectBase,
  ObjectShapes,
  ToolObject,
  ToolOperationObject,
  UserObject,
} from './shapes.js';

/** The message of each object in `bulkhead.host.v1`. */
export interface ObjectMessages {
  readonly llm: Llm;
  readonly datasource: Datasource;
  readonly tool: Tool;
  readonly user: User;
  readonly app: App;
}

/** An object as somebody writes it; `parseObject` makes one of it. */
export type WrittenObject = Readonly<Record<string, unknown>>;

/** Between an object as JSON and its message. In a message an empty text or list is what JSON leaves out. */
export interface MessageCodec<Shape, Message> {
  encode(object: Shape): Message;
  /** @throws BulkheadError INVALID_ARGUMENT where a member's JSON text is none */
  decode(message: Message): WrittenObject;
}

export const OBJECT_MESSAGES: {
  readonly [Type in ObjectType]: MessageCodec<ObjectShapes[Type], ObjectMessages[Type]>;
} = {
  llm: { encode: encodeLlm, decode: decodeLlm },
  datasource: { encode: encodeDatasource, decode: decodeDatasource },
  tool: { encode: encodeTool, decode: decodeTool },
  user: { encode: encodeUser, decode: decodeUser },
  app: { encode: encodeApp, decode: decodeApp },
};

function encodeLlm(object: LlmObject): Llm {
  return {
    id: object.id,
    name: object.name,
    slug: object.slug,
    description: object.description ?? '',
    vendor: object.vendor,
    endpoint: object.endpoint ?? '',
    apiKey: object.api_key ?? '',
    models: [...object.models],
    defaultModel: object.default_model ?? '',
    active: object.active,
    meta: encodeMeta(object),
  };
}

function decodeLlm(message: Llm): WrittenObject {
  return {
    ...decodeBase(message),
    ...texts({
      name: message.name,
      slug: message.slug,
      description: message.description,
      vendor: message.vendor,
      endpoint: message.endpoint,
      api_key: message.apiKey,
      default_model: message.defaultModel,
    }),
    models: message.models,
  };
}

function encodeDatasource(object: DatasourceObject): Datasource {
  const { http } = object;
  return {
    id: object.id,
    name: object.name,
    description: object.description ?? '',
    kind: object.kind,
    path: object.path ?? '',
    url: object.url ?? '',
    http:
      http === undefined
        ? undefined
        : {
            method: http.method,
            urlTemplate: http.url_template,
            headers: { ...http.headers },
            rowsPointer: http.rows_pointer,
            rowSchemaJson: encodeJson(http.row_schema),
          },
    readOnly: object.read_only,
    maxRows: object.max_rows,
    timeoutMs: object.timeout_ms,
    active: object.active,
    meta: encodeMeta(object),
  };
}

function decodeDatasource(message: Datasource): WrittenObject {
  const { http } = message;
  return {
    ...decodeBase(message),
    ...texts({
      name: message.name,
      description: message.description,
      kind: message.kind,
      path: message.path,
      url: message.url,
    }),
    ...(http === undefined
      ? {}
      : {
          http: {
            ...texts({ method: http.method, url_template: http.urlTemplate }),
            ...map('headers', http.headers),
            rows_pointer: http.rowsPointer,
            ...decodeJson('row_schema', http.rowSchemaJson),
          },
        }),
    ...(message.readOnly === undefined ? {} : { read_only: message.readOnly }),
    ...(message.maxRows === 0 ? {} : { max_rows: message.maxRows }),
    ...(message.timeoutMs === 0 ? {} : { timeout_ms: message.timeoutMs }),
  };
}

function encodeTool(object: ToolObject): Tool {
  return {
    id: object.id,
    name: object.name,
    description: object.description ?? '',
    kind: object.kind,
    server: object.server ?? '',
    plugin: object.plugin ?? '',
    headers: { ...object.headers },
    operations: object.operations.map(encodeToolOperation),
    active: object.active,
    meta: encodeMeta(object),
  };
}

function decodeTool(message: Tool): WrittenObject {
  return {
    ...decodeBase(message),
    ...texts({
      name: message.name,
      description: message.description,
      kind: message.kind,
      server: message.server,
      plugin: message.plugin,
    }),
    ...map('headers', message.headers),
    operations: message.operations.map(decodeToolOperation),
  };
}

export function encodeToolOperation(operation: ToolOperationObject): ToolOperation {
  return {
    name: operation.name,
    description: operation.description ?? '',
    target: operation.target ?? '',
    method: operation.method ?? '',
    urlTemplate: operation.url_template ?? '',
    inputSchemaJson: encodeJson(operation.input_schema),
    outputSchemaJson: encodeJson(operation.output_schema),
    effect: operation.effect,
  };
}

/** @throws BulkheadError INVALID_ARGUMENT where a schema is no JSON text */
export function decodeToolOperation(operation: ToolOperation): WrittenObject {
  return {
    ...texts({
      name: operation.name,
      description: operation.description,
      target: operation.target,
      method: operation.method,
      url_template: operation.urlTemplate,
      effect: operation.effect,
    }),
    ...decodeJson('input_schema', operation.inputSchemaJson),
    ...decodeJson('output_schema', operation.outputSchemaJson),
  };
}

function encodeUser(object: UserObject): User {
  return {
    id: object.id,
    email: object.email,
    name: object.name ?? '',
    team: object.team ?? '',
    groups: [...object.groups],
    roles: [...object.roles],
    active: object.active,
    meta: encodeMeta(object),
  };
}

function decodeUser(message: User): WrittenObject {
  return {
    ...decodeBase(message),
    ...texts({ email: message.email, name: message.name, team: message.team }),
    groups: message.groups,
    roles: message.roles,
  };
}

function encodeApp(object: AppObject): App {
  const { allowed, budget, rate_limit: rateLimit } = object;
  return {
    id: object.id,
    name: object.name,
    description: object.description ?? '',
    userId: object.user_id ?? '',
    tenantId: object.tenant_id ?? '',
    assertContext: object.assert_context,
    allowed: {
      llms: [...allowed.llms],
      tools: [...allowed.tools],
      datasources: [...allowed.datasources],
    },
    budget: budget === undefined ? undefined : { ...budget },
    rateLimit: rateLimit === undefined ? undefined : { ...rateLimit },
    active: object.active,
    meta: encodeMeta(object),
    keys: [],
  };
}

function decodeApp(message: App): WrittenObject {
  const { allowed, budget, rateLimit, keys } = message;
  return {
    ...decodeBase(message),
    ...texts({
      name: message.name,
      description: message.description,
      user_id: message.userId,
      tenant_id: message.tenantId,
    }),
    assert_context: message.assertContext,
    ...(allowed === undefined ? {} : { allowed }),
    ...(budget === undefined ? {} : { budget }),
    ...(rateLimit === undefined ? {} : { rate_limit: rateLimit }),
    ...(keys.length === 0 ? {} : { keys }),
  };
}

function encodeMeta(object: ObjectBase): ObjectMeta {
  return {
    etag: object.etag,
    createdAtMs: BigInt(Date.parse(object.created_at)),
    updatedAtMs: BigInt(Date.parse(object.updated_at)),
    metadataJson: JSON.stringify(object.metadata),
  };
}

function decodeBase(message: {
  readonly id: string;
  readonly active?: boolean | undefined;
  readonly meta: ObjectMeta | undefined;
}): WrittenObject {
  return {
    ...texts({ id: message.id }),
    ...(message.active === undefined ? {} : { active: message.active }),
    ...decodeJson('metadata', message.meta?.metadataJson ?? ''),
  };
}

/** Those that are not empty. */
function texts(members: Readonly<Record<string, string>>): WrittenObject {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== ''));
}

function map(name: string, members: Readonly<Record<string, string>>): WrittenObject {
  return Object.keys(members).length === 0 ? {} : { [name]: members };
}

function encodeJson(value: object | undefined): string {
  return value === undefined ? '' : JSON.stringify(value);
}

function decodeJson(name: string, text: string): WrittenObject {
  if (text === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Told below, with what is no object.
  }
  if (isPlainObject(value)) return { [name]: value };
  throw new BulkheadError(ErrorCode.INVALID_ARGUMENT, `${name}: expected the JSON text of an object`, {
    field: name,
  });
}
