import type { HealthAnswer } from './answers.js';
import type {
  CommandHandlers,
  EventHandlers,
  RouteHandlers,
  RpcHandlers,
  ScheduleHandlers,
  ToolHandlers,
} from './contributions.js';
import type { BatchHandlers, HookHandlers } from './hook-handlers.js';
import type { HostServices } from './host/host-services.js';
import type { Logger } from './logger.js';
import type { HttpClient, NetClient } from './network/client.js';
import type { ObjectHookHandlers } from './object-hooks.js';
import type { PluginConfig, PluginTypes } from './plugin-types.js';

/** What the host offers to a plugin. */
export interface Host extends HostServices {
  readonly log: Logger;
  /** HTTP under the network grant; the global `fetch` is under the same. */
  readonly http: HttpClient;
  /** Other protocols under the network grant, for clients that take a socket. */
  readonly net: NetClient;
}

/** What setup gets. */
export interface SetupContext<Config = PluginConfig> {
  /** Merged from every layer, defaults filled in, valid under the manifest's `config_schema`. */
  readonly config: Config;
  readonly host: Host;
  readonly log: Logger;
  /** Fires when the plugin shuts down. */
  readonly signal: AbortSignal;
  /** The name of the configured entry; two entries of one plugin have two names. */
  readonly name: string;
  /** A directory of this entry's own that outlives restarts; undefined when the host gives none. */
  readonly dataDir: string | undefined;
}

/** What setup returns. It must match the manifest. */
export interface Plugin<Config = PluginConfig, Types = PluginTypes> {
  readonly hooks?: HookHandlers<Config>;
  /** For `fire_and_forget` hooks in batches. A hook without one here runs its single handler per item. */
  readonly batch?: BatchHandlers<Config>;
  /** Called around every create, update and delete of the host's objects. */
  readonly objectHooks?: ObjectHookHandlers<Config>;
  readonly tools?: ToolHandlers<Config, Types>;
  readonly commands?: CommandHandlers<Config, Types>;
  readonly routes?: RouteHandlers<Config>;
  readonly rpc?: RpcHandlers<Config, Types>;
  readonly schedules?: ScheduleHandlers<Config>;
  /** Subscribed to when the plugin starts; needs the scope events.subscribe. */
  readonly events?: EventHandlers<Config>;
  /** Asked every few seconds. Nothing means healthy; a thrown error means unhealthy. */
  health?(): HealthAnswer | void | Promise<HealthAnswer | void>;
  /** Runs once, after the last call was answered: close what setup opened. */
  shutdown?(): void | Promise<void>;
}

export type PluginSetup<Config = PluginConfig, Types = PluginTypes> = (
  context: SetupContext<Config>,
) => Plugin<Config, Types> | Promise<Plugin<Config, Types>>;

// By symbol, because the plugin and whoever runs it may hold different copies of this module.
const BRAND = Symbol.for('bulkhead.plugin');
/** The shape of a definition; a runner refuses one that it does not know. */
const DEFINITION_VERSION = 1;

/** What a plugin's entry exports by default. */
export interface PluginDefinition {
  readonly [BRAND]: number;
  setup(context: SetupContext<unknown>): unknown;
}

/**
 * Defines a plugin. `setup` runs once per process, when the host hands over the configuration; what it returns must match
 * the manifest.
 *
 * @typeParam Config - the configuration. Default: what `bulkhead types` generated
 * @typeParam Types - `{ tools, commands, rpc }`, each by name `{ input, output }`. Default: what `bulkhead types` generated
 */
export function definePlugin<Config = PluginConfig, Types = PluginTypes>(
  setup: PluginSetup<Config, Types>,
): PluginDefinition {
  return {
    [BRAND]: DEFINITION_VERSION,
    // The host checked the configuration against the schema that Config is generated from.
    setup: (context) => setup(context as SetupContext<Config>),
  };
}

/** Whether a value was made by `definePlugin` of this or another copy of the SDK. */
export function isPluginDefinition(value: unknown): value is PluginDefinition {
  return typeof value === 'object' && value !== null && BRAND in value && value[BRAND] === DEFINITION_VERSION;
}
