import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { InvokeBatchRequest, type InvokeRequest } from '@bulkhead/proto/plugin';
import type { BatchContext } from '../hook-handlers.js';
import { CallContextView } from './call-context.js';
import { CallRequest } from './call-request.js';
import { encodeAnswer } from './encode-answer.js';
import { explain, fitting } from './handle-call.js';
import type { Handler, RegisteredHook } from './implementation.js';
import type { IncomingCall } from './incoming.js';
import { openView } from './payload-view.js';
import { PluginLogger } from './plugin-log.js';
import type { CallEnvironment } from './work-context.js';

type Hooks = ReadonlyMap<string, RegisteredHook>;

const NOTHING = new Uint8Array(0);

/**
 * Runs one hook: bytes in, bytes out. A synchronous handler is answered synchronously, without a promise.
 *
 * @throws BulkheadError UNKNOWN_HOOK, PROTOCOL_ERROR, PLUGIN_ERROR, INVALID_ANSWER; also as a rejection
 */
export function runHook(
  body: Uint8Array,
  incoming: IncomingCall,
  hooks: Hooks,
  environment: CallEnvironment,
): Uint8Array | Promise<Uint8Array> {
  const request = new CallRequest(body);
  const hook = findHook(hooks, request.hook);
  const context = new CallContextView(request, incoming, environment);
  environment.inFlight.enter();
  let later = false;
  try {
    const answer =
      hook.handler === undefined
        ? runBatchOfOne(hook, request, context)
        : hook.handler(viewOf(hook, request), context);
    later = isThenable(answer);
    if (later) return finishLater(hook, answer, context, environment);
    return fitting(encodeAnswer(hook.name, hook.spec, answer, context), environment);
  } catch (error) {
    throw explain(hook.name, error, context.log, { hook: hook.name });
  } finally {
    if (!later) environment.inFlight.leave();
  }
}

/**
 * Runs the calls of a batch: the author's batch handler when there is one, else the single handler per item, one after
 * another. The answers are not used.
 *
 * @throws BulkheadError as a rejection; one failing item does not keep the others from running
 */
export async function runBatch(
  body: Uint8Array,
  incoming: IncomingCall,
  hooks: Hooks,
  environment: CallEnvironment,
): Promise<Uint8Array> {
  const { requests } = InvokeBatchRequest.decode(body);
  environment.inFlight.enter();
  try {
    const [first] = await runGroups(requests, incoming, hooks, environment);
    if (first !== undefined) throw first;
    return NOTHING;
  } finally {
    environment.inFlight.leave();
  }
}

/** What failed, in order. */
async function runGroups(
  requests: readonly InvokeRequest[],
  incoming: IncomingCall,
  hooks: Hooks,
  environment: CallEnvironment,
): Promise<BulkheadError[]> {
  const byHook = Map.groupBy(requests, (request) => request.hook);
  const failures: BulkheadError[] = [];
  for (const [name, group] of byHook) {
    const hook = findHook(hooks, name);
    const items = group.map((request) => ({
      payload: hook.View === undefined ? openView(name, request.payload) : new hook.View(request.payload),
      ctx: new CallContextView({ message: request }, incoming, environment),
    }));
    if (hook.batchHandler !== undefined) {
      const context = createBatchContext(incoming, environment);
      try {
        await hook.batchHandler(items, context);
      } catch (error) {
        failures.push(explain(name, error, context.log, { hook: name }));
      }
    } else if (hook.handler !== undefined) {
      failures.push(...(await runEach(name, hook.handler, items)));
    }
  }
  return failures;
}

async function runEach(
  name: string,
  handler: Handler,
  items: readonly { readonly payload: object; readonly ctx: CallContextView }[],
): Promise<BulkheadError[]> {
  const failures: BulkheadError[] = [];
  for (const { payload, ctx } of items) {
    try {
      await handler(payload, ctx);
    } catch (error) {
      failures.push(explain(name, error, ctx.log, { hook: name }));
    }
  }
  return failures;
}

function runBatchOfOne(hook: RegisteredHook, request: CallRequest, ctx: CallContextView): unknown {
  const done = hook.batchHandler?.([{ payload: viewOf(hook, request), ctx }], ctx);
  // What a batch handler returns is no answer.
  return isThenable(done) ? Promise.resolve(done).then(() => undefined) : undefined;
}

async function finishLater(
  hook: RegisteredHook,
  pending: unknown,
  context: CallContextView,
  environment: CallEnvironment,
): Promise<Uint8Array> {
  try {
    return fitting(encodeAnswer(hook.name, hook.spec, await pending, context), environment);
  } catch (error) {
    throw explain(hook.name, error, context.log, { hook: hook.name });
  } finally {
    environment.inFlight.leave();
  }
}

function findHook(hooks: Hooks, name: string): RegisteredHook {
  const hook = hooks.get(name);
  if (hook !== undefined) return hook;
  throw new BulkheadError(
    ErrorCode.UNKNOWN_HOOK,
    `this plugin handles no hook '${name}'; it handles ${[...hooks.keys()].join(', ') || 'none'}`,
  );
}

function viewOf(hook: RegisteredHook, request: CallRequest): object {
  const { body, payloadStart, payloadEnd } = request;
  return hook.View === undefined
    ? openView(hook.name, body.subarray(payloadStart, payloadEnd))
    : new hook.View(body, payloadStart, payloadEnd);
}

function createBatchContext(incoming: IncomingCall, environment: CallEnvironment): BatchContext {
  const { clock } = environment.logTarget;
  const timeoutMs = incoming.timeoutMs || environment.defaultTimeoutMs;
  const end = timeoutMs === 0 ? Infinity : clock.monotonic() + timeoutMs;
  return {
    get signal() {
      return incoming.signal;
    },
    get deadline() {
      return clock.now() + (end - clock.monotonic());
    },
    get remainingMs() {
      return Math.max(0, end - clock.monotonic());
    },
    log: new PluginLogger(environment.logTarget),
  };
}

function isThenable(value: unknown): boolean {
  return (
    value instanceof Promise ||
    (typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function')
  );
}
