import type { JsonObject, JsonValue } from '@bulkhead/proto/json';
import type { Deny } from './answers.js';
import type { RequestContext, WorkContext } from './hook-context.js';
import type { PluginConfig, PluginTypes } from './plugin-types.js';

/** A value that `JSON.stringify` takes. */
export type JsonLike = unknown;

/** What a tool, a command or an RPC method takes and gives. */
interface Signature {
  readonly input: unknown;
  readonly output: unknown;
}

type Contributed<Types, Kind extends string, Loose extends Signature> = Types extends {
  readonly [Key in Kind]: infer Declared;
}
  ? Declared
  : Readonly<Record<string, Loose>>;

type Member<Value, Key extends string> = Value extends { readonly [K in Key]: infer Found } ? Found : never;

/** Handlers by name; they must be exactly those that the manifest declares. */
type Handlers<Declared, Context> = {
  readonly [Name in keyof Declared]: (
    input: Member<Declared[Name], 'input'>,
    ctx: Context,
  ) => Answered<Member<Declared[Name], 'output'>>;
};

/** A result, or `deny({ code, reason, http_status_code })` to refuse the call. */
type Answered<Output> = Output | Deny | Promise<Output | Deny>;

/**
 * The plugin's tools. Input was checked against the tool's schema before, the result is after. Numbers of the input are
 * plain numbers; for one that a double cannot hold let the schema ask for a text.
 */
export type ToolHandlers<Config = PluginConfig, Types = PluginTypes> = Handlers<
  Contributed<Types, 'tools', { readonly input: JsonObject; readonly output: JsonLike }>,
  RequestContext<Config>
>;

/** The plugin's slash commands. */
export type CommandHandlers<Config = PluginConfig, Types = PluginTypes> = Handlers<
  Contributed<Types, 'commands', { readonly input: JsonObject; readonly output: JsonLike }>,
  RequestContext<Config>
>;

/** Who calls an RPC method of the plugin. */
export interface RpcCaller {
  readonly kind: 'token' | 'cli' | 'user' | 'app';
  readonly id: string;
  readonly role: 'viewer' | 'operator' | 'admin';
}

export interface RpcContext<Config = PluginConfig> extends WorkContext<Config> {
  /** The host has checked the method's `min_role`. */
  readonly caller: RpcCaller;
}

/** The methods that the plugin's own pages and its operator call. */
export type RpcHandlers<Config = PluginConfig, Types = PluginTypes> = Handlers<
  Contributed<Types, 'rpc', { readonly input: JsonValue; readonly output: JsonLike }>,
  RpcContext<Config>
>;

/** An HTTP request on one of the plugin's routes. */
export interface RouteRequest {
  readonly method: string;
  /** The declared path, for example `/orders/{id}`. */
  readonly route: string;
  /** The path as it came, below `/plugins/<id>`. */
  readonly path: string;
  /** Values of the places in the declared path. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Lower-case names; several of one name are joined with a comma. Credentials of the host's own are taken out. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** The body as UTF-8. */
  text(): string;
  /** The body as JSON. The caller gets 400 when it is none. */
  json(): JsonValue;
}

export interface RouteResponse {
  /** Default: 200; 204 without a body. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Uint8Array;
  /** In the place of `body`: sent as application/json. */
  readonly json?: JsonLike;
}

/** The plugin's routes by `<METHOD> <path>`, for example `GET /orders/{id}`. */
export type RouteHandlers<Config = PluginConfig> = Readonly<
  Record<
    string,
    (
      request: RouteRequest,
      ctx: RequestContext<Config>,
    ) => RouteResponse | Deny | void | Promise<RouteResponse | Deny | void>
  >
>;

/** One run of a schedule. */
export interface ScheduleRunInfo {
  readonly name: string;
  /** Unique to this run; a repeated run has a new one. */
  readonly runId: string;
  /** The fire that it belongs to, in milliseconds since the Unix epoch. */
  readonly fireAtMs: number;
  /** Asked for by somebody, not by the clock. */
  readonly byHand: boolean;
  /** The run before was cut short and this repeats it. */
  readonly repeats: boolean;
}

/**
 * The plugin's schedules by name. `*` stands for those that it made itself with `host.schedules.create`; it is no schedule
 * of the manifest.
 */
export type ScheduleHandlers<Config = PluginConfig> = Readonly<
  Record<string, (run: ScheduleRunInfo, ctx: WorkContext<Config>) => void | Promise<void>>
>;

/** Something that happened. */
export interface PluginEvent<Data = JsonValue> {
  /** The same when it is delivered again. */
  readonly id: string;
  readonly topic: string;
  readonly data: Data;
  /** Milliseconds since the Unix epoch. */
  readonly atMs: number;
}

export type EventHandler<Config = PluginConfig> = (
  event: PluginEvent,
  ctx: WorkContext<Config>,
) => void | Promise<void>;

/**
 * What the plugin subscribes to, by topic pattern: `*` for a part, `**` for the rest. Events come in order per topic and at
 * least once: one is acknowledged when its handler has ended, and comes again when it failed.
 */
export type EventHandlers<Config = PluginConfig> = Readonly<Record<string, EventHandler<Config>>>;
