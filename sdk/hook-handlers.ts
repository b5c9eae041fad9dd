import type { HookName, HookPayloads } from '@bulkhead/proto/rules';
import type { Deny, Modify } from './answers.js';
import type { HookContext } from './hook-context.js';
import type { Logger } from './logger.js';
import type { CustomHooks, PluginConfig } from './plugin-types.js';
import type { WritableField } from './writable-fields.js';

/** The payloads of the built-in hooks and of the declared custom ones. */
interface EveryPayload extends HookPayloads, CustomHooks {}

/** Every hook that this plugin may name. */
export type AnyHookName = Extract<keyof EveryPayload, string>;

/**
 * The payload of a hook. JSON fields are parsed when first read, and a number that a double cannot hold
 * (9007199254740993, 10.0) is a RawNumber that keeps its text. Read its members by name; it is a view, so spreading it
 * copies nothing.
 */
export type HookPayload<Name extends AnyHookName> = EveryPayload[Name];

/** The fields that `modify` may name in an answer to this hook. */
export type HookChanges<Name extends AnyHookName> = Name extends HookName
  ? {
      readonly [Field in WritableField<Name>]?: Exclude<
        HookPayloads[Name][Field & keyof HookPayloads[Name]],
        undefined
      >;
    }
  : { readonly [Field in keyof HookPayload<Name>]?: HookPayload<Name>[Field] };

/** What a handler may return: nothing to allow, `modify({…})`, or `deny({…})`. */
export type HookAnswer<Name extends AnyHookName> = Modify<HookChanges<Name>> | Deny | null | undefined | void;

/** The plugin's handlers by hook. They must be exactly those that the manifest declares. */
export type HookHandlers<Config = PluginConfig> = {
  readonly [Name in AnyHookName]?: (
    payload: HookPayload<Name>,
    ctx: HookContext<Config>,
  ) => HookAnswer<Name> | Promise<HookAnswer<Name>>;
};

/** One call of a batch. */
export interface BatchItem<Name extends AnyHookName, Config = PluginConfig> {
  readonly payload: HookPayload<Name>;
  readonly ctx: HookContext<Config>;
}

/** What a batch handler may know of the batch as a whole. */
export interface BatchContext {
  readonly signal: AbortSignal;
  /** In milliseconds since the Unix epoch. */
  readonly deadline: number;
  /** Milliseconds until the deadline, never negative. */
  readonly remainingMs: number;
  readonly log: Logger;
}

/** Handlers for `fire_and_forget` registrations that ask for batches. Their answers are not used. */
export type BatchHandlers<Config = PluginConfig> = {
  readonly [Name in AnyHookName]?: (
    items: readonly BatchItem<Name, Config>[],
    ctx: BatchContext,
  ) => void | Promise<void>;
};
