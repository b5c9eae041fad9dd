import { randomUUID } from 'node:crypto';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Logger } from 'pino';
import type { Clock } from '../clock.js';
import type { HostConfig } from '../config/config.js';
import type { CustomHookDeclaration } from '../manifest/manifest.js';
import type { SchemaCheck } from '../schemas/schema-check.js';
import { awaitCheck } from './await-check.js';
import { BackgroundWork } from './background.js';
import { describeHooks, type HookDescription } from './describe-hooks.js';
import { HookCall, stateKeyOf } from './hook-call.js';
import { buildIndex, type HookPlan } from './hook-index.js';
import type { InvokeOptions, InvokeResult, PluginRecord, RequestContext } from './invocation.js';
import type { DispatchParts } from './parts.js';
import { runPipeline } from './pipeline.js';
import type { DispatchEntry } from './port.js';
import { Rotation, type DisabledPlugin } from './rotation.js';
import { Shadow, type ShadowView } from './shadow.js';
import { StateStore } from './state-store.js';
import { WarnLimiter } from './warn-limiter.js';

export interface DispatcherOptions {
  /** Plugins in configuration order. */
  readonly entries: readonly DispatchEntry[];
  readonly customHooks: readonly CustomHookDeclaration[];
  readonly limits: HostConfig['limits'];
  readonly clock: Clock;
  readonly log: Logger;
  /** Checks payloads of custom hooks that the event loop should not. */
  readonly schemas: Pick<SchemaCheck, 'problems'>;
  /** Takes every record, those of background runs too. Must be quick; what it throws is logged. */
  readonly onRecord?: (record: PluginRecord) => void;
  /** Shared with whoever else runs hooks of the same plugins. Default: one of its own. */
  readonly rotation?: Rotation;
}

export interface Dispatcher {
  /**
   * Runs a hook's plugins on a payload.
   *
   * Rejects with a BulkheadError only for the caller's own faults: UNKNOWN_HOOK, INVALID_PAYLOAD, PAYLOAD_TOO_LARGE,
   * CANCELLED, DEADLINE_EXCEEDED (of the caller's own time); and with RATE_LIMITED when too many payloads wait to be checked. A guard that fails is a result with `allowed: false`.
   */
  invoke(
    hook: string,
    payload: unknown,
    context?: RequestContext,
    options?: InvokeOptions,
  ): Promise<InvokeResult>;
  /** Whether any enabled registration is on the hook; a caller that has to prepare a payload can skip that work. */
  listens(hook: string): boolean;
  hooks(): readonly HookDescription[];
  /** The outermost answer of a request was given: its state goes. */
  endRequest(requestId: string, stateScope?: string): void;
  /**
   * Another configuration, atomically; calls under way finish on the old one. Default limits: as they are.
   *
   * @throws BulkheadError CONFIG_INVALID, and nothing has changed
   */
  update(
    entries: readonly DispatchEntry[],
    customHooks: readonly CustomHookDeclaration[],
    limits?: HostConfig['limits'],
  ): void;
  /** Puts a plugin that `on_error: disable` took out back in rotation. */
  reset(plugin: string): void;
  disabled(): readonly DisabledPlugin[];
  /** Sends waiting batches and waits for background runs, at most `timeoutMs`. */
  drain(timeoutMs: number): Promise<void>;
  /** What a plugin in `audit` would have done. */
  shadow(plugin: string): ShadowView;
}

const NO_CONTEXT: RequestContext = Object.freeze({});

/** @throws BulkheadError CONFIG_INVALID with every fault of entries and custom hooks */
export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const { clock, log, schemas } = options;
  let { limits } = options;
  const parts: DispatchParts = {
    clock,
    state: new StateStore(clock, { ttlMs: limits.stateTtlMs }),
    rotation: options.rotation ?? new Rotation(clock, log),
    shadow: new Shadow(),
    background: new BackgroundWork(clock),
    warnings: new WarnLimiter(clock, log),
    onRecord: guarded(options.onRecord, log),
  };
  let index = buildIndex(options.entries, options.customHooks, limits, schemas);

  const planOf = (hook: string): HookPlan => {
    const plan = index.get(hook);
    if (plan !== undefined) return plan;
    throw new BulkheadError(
      ErrorCode.UNKNOWN_HOOK,
      `no hook '${hook}' is known; built in are ${[...index.keys()].join(', ')}`,
      { field: 'hook' },
    );
  };

  return {
    // Not an async function: what has nothing to do answers without one.
    invoke(hook, payload, context = NO_CONTEXT, invokeOptions) {
      try {
        const requestId = context.requestId ?? randomUUID();
        const call = new HookCall(planOf(hook), payload, requestId, context, invokeOptions, clock);
        const { checked } = call;
        if (checked === undefined) return runPipeline(parts, call);
        return awaitCheck(call, checked, clock).then(() => runPipeline(parts, call));
      } catch (error) {
        return Promise.reject(BulkheadError.from(error));
      }
    },
    listens: (hook) => index.get(hook)?.busy ?? false,
    hooks: () => describeHooks(index, parts.rotation),
    endRequest(requestId, stateScope) {
      const key = stateKeyOf(requestId, stateScope);
      if (parts.background.endRequest(key)) parts.state.end(key);
    },
    update(entries, customHooks, nextLimits = limits) {
      index = buildIndex(entries, customHooks, nextLimits, schemas);
      limits = nextLimits;
      parts.state.ttlMs = limits.stateTtlMs;
      const names = new Set(entries.map(({ port }) => port.name));
      parts.rotation.retain(names);
      parts.shadow.retain(names);
    },
    reset(plugin) {
      parts.rotation.reset(plugin);
    },
    disabled: () => parts.rotation.list(),
    drain: (timeoutMs) => parts.background.drain(parts, timeoutMs),
    shadow: (plugin) => parts.shadow.view(plugin),
  };
}

function guarded(onRecord: DispatcherOptions['onRecord'], log: Logger): (record: PluginRecord) => void {
  if (onRecord === undefined) return () => undefined;
  return (record) => {
    try {
      onRecord(record);
    } catch (error) {
      log.error({ err: error, plugin: record.plugin, hook: record.hook }, 'a record was not taken');
    }
  };
}
