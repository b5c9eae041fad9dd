import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { NO_SCOPE } from '@bulkhead/proto/host';
import { MAX_CALLS_UNDER_WAY, type IncomingCall, type ServedMethod } from '@bulkhead/proto/link';
import type { Clock } from '../clock.js';
import type { ServiceBudgets } from '../config/service-budgets.js';
import { whyNotGranted, type Guard, type HostMethod, type PluginIdentity } from '../sidecar/host-method.js';
import type { Audit } from '../telemetry/audit.js';
import { CallDeadlines } from './call-deadlines.js';
import { RefusalLog } from './refusal-log.js';
import { callClass, costOfAnswer, costOfRequest, rateOf, type CallClass } from './service-limits.js';
import { TokenBucket, type Rate } from './token-bucket.js';

/** One call that a plugin made, as usage and metrics count it. */
export interface ServiceCall {
  /** The configured entry's name. */
  readonly plugin: string;
  /** Full method path. */
  readonly method: string;
  readonly outcome: 'ok' | 'denied' | 'error';
  readonly code?: ErrorCode;
  readonly durationMs: number;
}

export interface GuardOptions {
  readonly clock: Clock;
  readonly audit: Audit;
  /** The budgets of one configured entry; another object when they have changed. */
  readonly budgetsOf: (plugin: string) => ServiceBudgets;
  /** Hears of every call that needs a scope, once it ended. Must be quick. */
  readonly onCall: (call: ServiceCall) => void;
}

/** Longest answer, in milliseconds; a call that names an earlier deadline gets that. */
const MAX_CALL_MS = 60_000;
/** A refused plugin that asks on at once waits for its answer, so that asking costs it more than it costs the host. */
const MAX_REFUSAL_DELAY_MS = 1_000;
/** With as many waiting, each waits that long, however soon there would be budget again: the plugin does not look at its answers. */
const CROWDED_REFUSALS = 100;
/**
 * Refusals of one plugin that wait: as many calls as its link lets it have under way. Beyond them one is answered at
 * once and counts as waste, of which a connection may carry little: only who cancels what it asked, or asks on many
 * connections, gets there.
 */
const MAX_WAITING_REFUSALS = MAX_CALLS_UNDER_WAY;
/** Calls without a grant that are refused at once; past them, such refusals wait as others do. */
const DENIALS_AT_ONCE: Rate = { count: 1_000, perMs: 1_000 };

/** What is kept of one configured entry: it outlives restarts, and instances share it. */
interface Account {
  budgets: ServiceBudgets;
  buckets: Partial<Record<CallClass, TokenBucket>>;
  readonly denials: TokenBucket;
  waitingRefusals: number;
}

/** Stands before every method that plugins call, on the link and on the host's socket alike: grant, budget, deadline, audit. */
export function createGuard(options: GuardOptions): Guard {
  const { clock, audit, budgetsOf, onCall } = options;
  const accounts = new Map<string, Account>();
  const refusals = new RefusalLog(audit, clock);
  const deadlines = new CallDeadlines(clock);

  const accountOf = (plugin: string): Account => {
    const budgets = budgetsOf(plugin);
    const known = accounts.get(plugin);
    if (known === undefined) {
      const denials = new TokenBucket(DENIALS_AT_ONCE, clock.monotonic());
      const account: Account = { budgets, buckets: {}, denials, waitingRefusals: 0 };
      accounts.set(plugin, account);
      return account;
    }
    if (known.budgets !== budgets) {
      known.budgets = budgets;
      known.buckets = {};
    }
    return known;
  };

  /** Milliseconds until the plugin may ask; 0 when it may now. */
  const takeBudget = (plugin: string, method: HostMethod, body: Uint8Array): number => {
    const kind = callClass(method.scope);
    if (kind === 'free') return 0;
    const now = clock.monotonic();
    const { buckets, budgets } = accountOf(plugin);
    const bucket = (buckets[kind] ??= new TokenBucket(rateOf(kind, budgets), now));
    return bucket.take(costOfRequest(kind, method.cost?.(body) ?? 1, body.length), now);
  };

  const chargeAnswer = (plugin: string, { scope }: HostMethod, bytes: number): void => {
    const kind = callClass(scope);
    const cost = kind === 'free' ? 0 : costOfAnswer(kind, bytes);
    if (kind !== 'free' && cost > 0) accountOf(plugin).buckets[kind]?.owe(cost);
  };

  const refuseLater = async (
    { name }: PluginIdentity,
    error: BulkheadError,
    delayMs: number,
    onWaste: (() => void) | undefined,
  ): Promise<never> => {
    const account = accountOf(name);
    if (account.waitingRefusals < MAX_WAITING_REFUSALS) {
      const crowded = account.waitingRefusals >= CROWDED_REFUSALS;
      account.waitingRefusals += 1;
      await new Promise<void>((resolve) => {
        clock.after(crowded ? MAX_REFUSAL_DELAY_MS : Math.min(delayMs, MAX_REFUSAL_DELAY_MS), resolve);
      });
      account.waitingRefusals -= 1;
    } else onWaste?.();
    throw error;
  };

  const tooOften = ({ name }: PluginIdentity, retryAfterMs: number): BulkheadError =>
    new BulkheadError(
      ErrorCode.RATE_LIMITED,
      `plugin '${name}' asks more often than its budget allows; try again in ${retryAfterMs} ms`,
      { retryable: true, retryAfterMs },
    );

  /** Throws at once, mostly; a plugin that does not learn from that waits. */
  const deny = (
    plugin: PluginIdentity,
    error: BulkheadError,
    onWaste: (() => void) | undefined,
  ): Promise<never> => {
    if (accountOf(plugin.name).denials.take(1, clock.monotonic()) === 0) throw error;
    return refuseLater(plugin, error, MAX_REFUSAL_DELAY_MS, onWaste);
  };

  const bounded = (
    plugin: PluginIdentity,
    method: HostMethod,
    body: Uint8Array,
    call: IncomingCall,
  ): Uint8Array | Promise<Uint8Array> => {
    const timeoutMs = call.timeoutMs > 0 ? Math.min(call.timeoutMs, MAX_CALL_MS) : MAX_CALL_MS;
    // Most handlers ask for no signal; then there is none to make.
    let expired: AbortController | undefined;
    let signal: AbortSignal | undefined;
    let late = false;
    const answer = method.handle(body, {
      plugin,
      timeoutMs,
      traceparent: call.traceparent,
      get signal() {
        if (signal !== undefined) return signal;
        expired = new AbortController();
        if (late) expired.abort();
        return (signal = AbortSignal.any([expired.signal, call.signal]));
      },
    });
    if (!(answer instanceof Promise)) return answer;
    return deadlines.within(timeoutMs, answer, () => {
      late = true;
      expired?.abort();
    });
  };

  return (plugin, method, onWaste) => {
    const { path, scope } = method;
    const notGranted = whyNotGranted(plugin, method);
    const run = (body: Uint8Array, call: IncomingCall): Uint8Array | Promise<Uint8Array> => {
      if (notGranted !== undefined) return deny(plugin, notGranted(), onWaste);
      const waitMs = takeBudget(plugin.name, method, body);
      return waitMs > 0
        ? refuseLater(plugin, tooOften(plugin, waitMs), waitMs, onWaste)
        : bounded(plugin, method, body, call);
    };
    if (scope === NO_SCOPE) return { path, handler: run };
    return {
      path,
      handler: watched(run, clock, (durationMs, answerBytes, thrown) => {
        chargeAnswer(plugin.name, method, answerBytes);
        const error = thrown === undefined ? undefined : BulkheadError.from(thrown);
        const refused = error !== undefined && REFUSALS.has(error.code);
        if (refused) refusals.add(plugin, path, error);
        onCall({
          plugin: plugin.name,
          method: path,
          outcome: error === undefined ? 'ok' : refused ? 'denied' : 'error',
          ...(error === undefined ? {} : { code: error.code }),
          durationMs,
        });
      }),
    };
  };
}

const REFUSALS: ReadonlySet<ErrorCode> = new Set([
  ErrorCode.PERMISSION_DENIED,
  ErrorCode.RATE_LIMITED,
  ErrorCode.DENIED,
  ErrorCode.TOOL_DENIED,
  ErrorCode.APPROVAL_DENIED,
]);

/** Says of each call how long it took, how much it answered, and what it threw. */
function watched(
  run: ServedMethod['handler'],
  clock: Clock,
  ended: (durationMs: number, answerBytes: number, thrown?: unknown) => void,
): ServedMethod['handler'] {
  return (body, call) => {
    const startedMs = clock.monotonic();
    const fail = (error: unknown): never => {
      ended(clock.monotonic() - startedMs, 0, error);
      throw error;
    };
    let answer: Uint8Array | Promise<Uint8Array>;
    try {
      answer = run(body, call);
    } catch (error) {
      return fail(error);
    }
    if (answer instanceof Promise) {
      return answer.then((bytes) => {
        ended(clock.monotonic() - startedMs, bytes.length);
        return bytes;
      }, fail);
    }
    ended(clock.monotonic() - startedMs, answer.length);
    return answer;
  };
}
