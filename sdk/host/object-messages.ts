import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { HttpJsonSource, ObjectMeta, ToolOperation } from '@bulkhead/proto/host';
import { parseJson, stringifyJson } from '@bulkhead/proto/json';
import {
  isPlainObject,
  type AppObject,
  type DatasourceObject,
  type HttpJsonSourceObject,
  type ObjectBase,
  type ObjectMessages,
  type ObjectShapes,
  type ObjectType,
  type ToolObject,
  type ToolOperationObject,
} from '@bulkhead/proto/rules';

// An object as JSON and as a message are the same thing in two spellings, seen from the plugin's side: it writes what may lack
// fields, and reads what has all of them. A message has no absent texts: empty ones are.

/** Hashes of credentials, which no message carries. */
type HashField = 'credential_hashes' | 'key_hashes';

/** An object as it crosses: everything but the hashes of its credentials. */
export type CrossingObject<Type extends ObjectType> = Omit<ObjectShapes[Type], HashField>;

/** What somebody writes as an object; what is absent gets its default. */
export type ObjectInput<Type extends ObjectType> = {
  readonly [Field in keyof CrossingObject<Type>]?: CrossingObject<Type>[Field] | undefined;
} & (Type extends 'app'
  ? {
      /** New keys in clear, of 16 characters and more: added, and kept as hashes only. */
      readonly keys?: readonly string[] | undefined;
    }
  : unknown);

interface Mapping<Type extends ObjectType> {
  toMessage(object: ObjectInput<Type>): ObjectMessages[Type];
  fromMessage(message: ObjectMessages[Type]): CrossingObject<Type>;
}

const EMPTY: ObjectMeta = { etag: '', createdAtMs: 0n, updatedAtMs: 0n, metadataJson: '' };

/** From JSON to message and back, by kind of object. */
export const OBJECT_MESSAGES: { readonly [Type in ObjectType]: Mapping<Type> } = {
  llm: {
    toMessage: (llm) => ({
      id: llm.id ?? '',
      name: llm.name ?? '',
      slug: llm.slug ?? '',
      description: llm.description ?? '',
      vendor: llm.vendor ?? '',
      endpoint: llm.endpoint ?? '',
      apiKey: llm.api_key ?? '',
      models: [...(llm.models ?? [])],
      defaultModel: llm.default_model ?? '',
      active: llm.active,
      meta: toMeta(llm),
    }),
    fromMessage: (llm) => ({
      ...fromMeta(llm),
      name: llm.name,
      slug: llm.slug,
      ...text('description', llm.description),
      vendor: llm.vendor,
      ...text('endpoint', llm.endpoint),
      ...text('api_key', llm.apiKey),
      models: llm.models,
      ...text('default_model', llm.defaultModel),
    }),
  },
  datasource: {
    toMessage: (source) => ({
      id: source.id ?? '',
      name: source.name ?? '',
      description: source.description ?? '',
      kind: source.kind ?? '',
      path: source.path ?? '',
      url: source.url ?? '',
      http: source.http === undefined ? undefined : toHttp(source.http),
      readOnly: source.read_only,
      maxRows: source.max_rows ?? 0,
      timeoutMs: source.timeout_ms ?? 0,
      active: source.active,
      meta: toMeta(source),
    }),
    fromMessage: (source) => ({
      ...fromMeta(source),
      name: source.name,
      ...text('description', source.description),
      kind: oneOf(DATASOURCE_KINDS, 'kind', source.kind),
      ...text('path', source.path),
      ...text('url', source.url),
      ...(source.http === undefined ? {} : { http: fromHttp(source.http) }),
      read_only: source.readOnly ?? true,
      max_rows: source.maxRows,
      timeout_ms: source.timeoutMs,
    }),
  },
  tool: {
    toMessage: (tool) => ({
      id: tool.id ?? '',
      name: tool.name ?? '',
      description: tool.description ?? '',
      kind: tool.kind ?? '',
      server: tool.server ?? '',
      plugin: tool.plugin ?? '',
      headers: { ...tool.headers },
      operations: (tool.operations ?? []).map(operationToMessage),
      active: tool.active,
      meta: toMeta(tool),
    }),
    fromMessage: (tool) => ({
      ...fromMeta(tool),
      name: tool.name,
      ...text('description', tool.description),
      kind: oneOf(TOOL_KINDS, 'kind', tool.kind),
      ...text('server', tool.server),
      ...text('plugin', tool.plugin),
      ...(Object.keys(tool.headers).length === 0 ? {} : { headers: tool.headers }),
      operations: tool.operations.map(operationFromMessage),
    }),
  },
  user: {
    toMessage: (user) => ({
      id: user.id ?? '',
      email: user.email ?? '',
      name: user.name ?? '',
      team: user.team ?? '',
      groups: [...(user.groups ?? [])],
      roles: [...(user.roles ?? [])],
      active: user.active,
      meta: toMeta(user),
    }),
    fromMessage: (user) => ({
      ...fromMeta(user),
      email: user.email,
      ...text('name', user.name),
      ...text('team', user.team),
      groups: user.groups,
      roles: user.roles,
    }),
  },
  app: {
    toMessage: (app) => ({
      id: app.id ?? '',
      name: app.name ?? '',
      description: app.description ?? '',
      userId: app.user_id ?? '',
      tenantId: app.tenant_id ?? '',
      assertContext: app.assert_context ?? false,
      allowed: {
        llms: [...(app.allowed?.llms ?? [])],
        tools: [...(app.allowed?.tools ?? [])],
        datasources: [...(app.allowed?.datasources ?? [])],
      },
      budget: app.budget,
      rateLimit: app.rate_limit,
      keys: [...(app.keys ?? [])],
      active: app.active,
      meta: toMeta(app),
    }),
    fromMessage: (app) => ({
      ...fromMeta(app),
      name: app.name,
      ...text('description', app.description),
      ...text('user_id', app.userId),
      ...text('tenant_id', app.tenantId),
      assert_context: app.assertContext,
      allowed: app.allowed ?? { llms: [], tools: [], datasources: [] },
      ...(app.budget === undefined ? {} : { budget: fromBudget(app.budget) }),
      ...(app.rateLimit === undefined ? {} : { rate_limit: fromRateLimit(app.rateLimit) }),
    }),
  },
};

const DATASOURCE_KINDS: readonly DatasourceObject['kind'][] = ['sqlite', 'postgres', 'http_json'];
const TOOL_KINDS: readonly ToolObject['kind'][] = ['mcp', 'http', 'plugin'];
const EFFECTS: readonly ToolOperationObject['effect'][] = ['read_only', 'state_changing'];
const PERIODS: readonly NonNullable<AppObject['budget']>['period'][] = ['day', 'week', 'month'];
const UNITS: readonly NonNullable<AppObject['rate_limit']>['per'][] = ['second', 'minute', 'hour', 'day'];

export function operationToMessage(operation: ToolOperationObject): ToolOperation {
  return {
    name: operation.name,
    description: operation.description ?? '',
    target: operation.target ?? '',
    method: operation.method ?? '',
    urlTemplate: operation.url_template ?? '',
    inputSchemaJson: toJson(operation.input_schema),
    outputSchemaJson: toJson(operation.output_schema),
    effect: operation.effect,
  };
}

export function operationFromMessage(operation: ToolOperation): ToolOperationObject {
  return {
    name: operation.name,
    ...text('description', operation.description),
    ...text('target', operation.target),
    ...text('method', operation.method),
    ...text('url_template', operation.urlTemplate),
    ...json('input_schema', operation.inputSchemaJson),
    ...json('output_schema', operation.outputSchemaJson),
    effect: oneOf(EFFECTS, 'effect', operation.effect || 'state_changing'),
  };
}

function toHttp(http: HttpJsonSourceObject): HttpJsonSource {
  return {
    method: http.method,
    urlTemplate: http.url_template,
    headers: { ...http.headers },
    rowsPointer: http.rows_pointer,
    rowSchemaJson: toJson(http.row_schema),
  };
}

function fromHttp(http: HttpJsonSource): HttpJsonSourceObject {
  return {
    method: http.method || 'GET',
    url_template: http.urlTemplate,
    ...(Object.keys(http.headers).length === 0 ? {} : { headers: http.headers }),
    rows_pointer: http.rowsPointer,
    ...json('row_schema', http.rowSchemaJson),
  };
}

function fromBudget(budget: {
  readonly amount: number;
  readonly period: string;
}): NonNullable<AppObject['budget']> {
  return { amount: budget.amount, period: oneOf(PERIODS, 'budget.period', budget.period) };
}

function fromRateLimit(limit: {
  readonly requests: number;
  readonly per: string;
}): NonNullable<AppObject['rate_limit']> {
  return { requests: limit.requests, per: oneOf(UNITS, 'rate_limit.per', limit.per) };
}

type Meta = Pick<ObjectBase, 'etag' | 'created_at' | 'updated_at' | 'metadata'>;

function toMeta(object: { readonly [Field in keyof Meta]?: Meta[Field] | undefined }): ObjectMeta {
  return {
    etag: object.etag ?? '',
    createdAtMs: toMs(object.created_at),
    updatedAtMs: toMs(object.updated_at),
    metadataJson: toJson(object.metadata),
  };
}

function fromMeta(object: {
  readonly id: string;
  readonly active?: boolean | undefined;
  readonly meta: ObjectMeta | undefined;
}): ObjectBase {
  const meta = object.meta ?? EMPTY;
  return {
    id: object.id,
    active: object.active ?? true,
    metadata: json('metadata', meta.metadataJson || '{}').metadata ?? {},
    etag: meta.etag,
    created_at: new Date(Number(meta.createdAtMs)).toISOString(),
    updated_at: new Date(Number(meta.updatedAtMs)).toISOString(),
  };
}

function toMs(iso: string | undefined): bigint {
  const ms = iso === undefined ? 0 : Date.parse(iso);
  return Number.isNaN(ms) ? 0n : BigInt(ms);
}

function toJson(value: object | undefined): string {
  return value === undefined ? '' : stringifyJson(value);
}

function text<Key extends string>(key: Key, value: string): { readonly [K in Key]?: string } {
  const found: { [K in Key]?: string } = {};
  if (value !== '') found[key] = value;
  return found;
}

function json<Key extends string>(key: Key, value: string): { readonly [K in Key]?: ObjectBase['metadata'] } {
  const found: { [K in Key]?: ObjectBase['metadata'] } = {};
  if (value === '') return found;
  const parsed = readJson(key, value);
  if (!isJsonObject(parsed)) throw malformed(key, 'an object');
  found[key] = parsed;
  return found;
}

function readJson(key: string, value: string): unknown {
  try {
    return parseJson(value);
  } catch {
    throw malformed(key, 'JSON text');
  }
}

function isJsonObject(value: unknown): value is ObjectBase['metadata'] {
  return isPlainObject(value);
}

function oneOf<Name extends string>(names: readonly Name[], field: string, value: string): Name {
  const found = names.find((name) => name === value);
  if (found === undefined) throw malformed(field, `one of ${names.join(', ')}`);
  return found;
}

function malformed(field: string, expected: string): BulkheadError {
  return new BulkheadError(ErrorCode.INVALID_ARGUMENT, `${field}: expected ${expected}`, { field });
}
