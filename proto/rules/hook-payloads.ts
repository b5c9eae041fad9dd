import type { JsonObject, JsonValue } from '../json/index.js';

/** Lower-case header name to value. */
export type HeaderMap = Readonly<Record<string, string>>;

/** Who makes the request, as far as the host knows and the plugin may know. */
export interface User {
  readonly id: string;
  readonly email?: string;
  readonly team?: string;
  readonly groups?: readonly string[];
  readonly roles?: readonly string[];
}

/** The payload of each built-in hook, as handlers and embedders see it. hook-table.ts says which fields a plugin may change. */
export interface HookPayloads {
  /** Before a tool is called. */
  tool_pre_invoke: { readonly name: string; readonly args: JsonValue; readonly headers: HeaderMap };
  /** After a tool answered. */
  tool_post_invoke: { readonly name: string; readonly result: JsonValue };
  /** Before a prompt is fetched. */
  prompt_pre_fetch: { readonly prompt_id: string; readonly args: JsonValue };
  /** After a prompt was fetched. */
  prompt_post_fetch: { readonly prompt_id: string; readonly result: JsonValue };
  /** Before a resource is read. */
  resource_pre_fetch: { readonly uri: string; readonly metadata: JsonValue };
  /** After a resource was read. */
  resource_post_fetch: { readonly uri: string; readonly content: JsonValue };
  /** Before an agent is asked. */
  agent_pre_invoke: {
    readonly agent_id: string;
    readonly messages: JsonValue;
    readonly tools: readonly string[];
    readonly model: string;
    readonly system_prompt: string;
    readonly parameters: JsonValue;
    readonly headers: HeaderMap;
  };
  /** After an agent answered. */
  agent_post_invoke: {
    readonly agent_id: string;
    readonly messages: JsonValue;
    readonly tool_calls: JsonValue;
  };
  /** Before a request to the data plane is handled. */
  http_pre_request: {
    readonly path: string;
    readonly method: string;
    readonly client_host: string;
    readonly client_port: number;
    readonly headers: HeaderMap;
  };
  /** Before a response of the data plane is sent; `headers` are the response's to change. */
  http_post_request: {
    readonly path: string;
    readonly method: string;
    readonly client_host: string;
    readonly client_port: number;
    readonly headers: HeaderMap;
    readonly response_headers: HeaderMap;
    readonly status_code: number;
  };
  /** Who is this? A plugin answers by changing `user`. */
  http_auth_resolve_user: {
    readonly credentials: JsonObject;
    readonly headers: HeaderMap;
    readonly client_host: string;
    readonly client_port: number;
    readonly user?: User;
  };
  /** May they? A plugin answers by changing `granted` and `reason`. */
  http_auth_check_permission: {
    readonly user: User;
    readonly permission: string;
    readonly resource: string;
    readonly granted?: boolean;
    readonly reason: string;
  };
}

export type HookName = keyof HookPayloads;
