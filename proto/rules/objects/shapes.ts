import type { JsonObject } from '../../json/lossless.js';
import type { JsonSchemaObject } from '../contributions.js';

/** What every object has beside its own fields. JSON names; the same in REST, in object hooks and in the store. */
export interface ObjectBase {
  readonly id: string;
  readonly active: boolean;
  /** What people and plugins noted; a plugin's own notes are under `plugin:<id>`. */
  readonly metadata: JsonObject;
  /** Changes with each write; what If-Match takes. */
  readonly etag: string;
  /** ISO 8601. */
  readonly created_at: string;
  readonly updated_at: string;
}

export interface LlmObject extends ObjectBase {
  readonly name: string;
  readonly slug: string;
  readonly description?: string;
  readonly vendor: string;
  readonly endpoint?: string;
  /** Secret. */
  readonly api_key?: string;
  /** Empty allows every one. */
  readonly models: readonly string[];
  readonly default_model?: string;
}

export interface HttpJsonSourceObject {
  readonly method: string;
  readonly url_template: string;
  /** Secret values. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly rows_pointer: string;
  readonly row_schema?: JsonSchemaObject;
}

export interface DatasourceObject extends ObjectBase {
  readonly name: string;
  readonly description?: string;
  readonly kind: 'sqlite' | 'postgres' | 'http_json';
  readonly path?: string;
  /** Secret. */
  readonly url?: string;
  readonly http?: HttpJsonSourceObject;
  readonly read_only: boolean;
  readonly max_rows: number;
  readonly timeout_ms: number;
}

export interface ToolOperationObject {
  readonly name: string;
  readonly description?: string;
  /** Of mcp and plugin: the tool's own name there. Default: the operation's. */
  readonly target?: string;
  /** Of http. */
  readonly method?: string;
  readonly url_template?: string;
  readonly input_schema?: JsonSchemaObject;
  readonly output_schema?: JsonSchemaObject;
  readonly effect: 'read_only' | 'state_changing';
}

export interface ToolObject extends ObjectBase {
  readonly name: string;
  readonly description?: string;
  readonly kind: 'mcp' | 'http' | 'plugin';
  /** Of mcp: the upstream server. */
  readonly server?: string;
  /** Of plugin: the configured entry. */
  readonly plugin?: string;
  /** Of http. Secret values. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly operations: readonly ToolOperationObject[];
}

export interface UserObject extends ObjectBase {
  readonly email: string;
  readonly name?: string;
  readonly team?: string;
  readonly groups: readonly string[];
  readonly roles: readonly string[];
  /** `sha256:` and the hash in hex of each credential; a `credentials` list in clear is taken in and kept as hashes. Secret. */
  readonly credential_hashes: readonly string[];
}

export interface AppObject extends ObjectBase {
  readonly name: string;
  readonly description?: string;
  readonly user_id?: string;
  readonly tenant_id?: string;
  readonly assert_context: boolean;
  /** Ids; `*` allows every one. */
  readonly allowed: {
    readonly llms: readonly string[];
    readonly tools: readonly string[];
    readonly datasources: readonly string[];
  };
  readonly budget?: { readonly amount: number; readonly period: 'day' | 'week' | 'month' };
  readonly rate_limit?: { readonly requests: number; readonly per: 'second' | 'minute' | 'hour' | 'day' };
  /** As with users; `keys` in clear are taken in and kept as hashes. Secret. */
  readonly key_hashes: readonly string[];
}

/** Every kind of object by its type's name. */
export interface ObjectShapes {
  readonly llm: LlmObject;
  readonly datasource: DatasourceObject;
  readonly tool: ToolObject;
  readonly user: UserObject;
  readonly app: AppObject;
}
