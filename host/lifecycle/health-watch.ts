import { HealthState, type CheckHealthResponse } from '@bulkhead/proto/plugin';
import type { Clock } from '../clock.js';
import type { LoopWatch } from './loop-watch.js';
import type { Health } from './state.js';
import { TIMED_OUT, within } from './timing.js';

export interface HealthSettings {
  /** From one question to the next. */
  readonly healthIntervalMs: number;
  /** For the answer. */
  readonly healthTimeoutMs: number;
  /** Misses in a row after which the process is given up. */
  readonly healthMisses: number;
}

export interface HealthWatchOptions {
  /** Asks the process; rejects when it does not answer in time. */
  readonly ask: (timeoutMs: number) => Promise<CheckHealthResponse>;
  readonly clock: Clock;
  readonly loop: LoopWatch;
  readonly settings: HealthSettings;
  readonly onHealth: (health: Health, report: CheckHealthResponse | undefined) => void;
  /** The process missed `healthMisses` checks in a row. The watch has ended. */
  readonly onGivenUp: (reason: string) => void;
}

/** `ask` has its own timeout; this only keeps the watch alive when that one fails. */
const ASK_GRACE_MS = 500;
/** Share of the timeout that the host's own loop must have run for a miss to count. */
const FAIR_SHARE = 0.5;

/** Asks a ready process for its health, again and again. Returns the function that ends it. */
export function watchHealth(options: HealthWatchOptions): () => void {
  const { clock, loop, settings, onHealth, onGivenUp } = options;
  let ended = false;
  let misses = 0;
  let cancel: () => void = () => undefined;

  const next = (delayMs: number): void => {
    cancel = clock.after(delayMs, () => void check());
  };

  const check = async (): Promise<void> => {
    const askedMs = clock.monotonic();
    const blockedBeforeMs = loop.blockedMs();
    const report = await answered(options);
    if (ended) return;
    const nowMs = clock.monotonic();
    const tookMs = nowMs - askedMs;
    const fairMs = settings.healthTimeoutMs * FAIR_SHARE;
    // An error that came early is the plugin's; a timeout counts only when the host was there to hear an answer.
    const counts = tookMs < fairMs || tookMs - (loop.blockedMs() - blockedBeforeMs) >= fairMs;
    if (report !== undefined) {
      misses = 0;
      onHealth(healthOf(report), report);
    } else if (counts) {
      misses += 1;
      onHealth({ kind: 'unresponsive', misses }, undefined);
      if (misses >= settings.healthMisses) {
        ended = true;
        onGivenUp(`it did not answer ${misses} health checks of ${settings.healthTimeoutMs} ms in a row`);
        return;
      }
    }
    next(Math.max(0, askedMs + settings.healthIntervalMs - nowMs));
  };

  next(settings.healthIntervalMs);
  return () => {
    ended = true;
    cancel();
  };
}

async function answered({
  ask,
  clock,
  settings,
}: HealthWatchOptions): Promise<CheckHealthResponse | undefined> {
  try {
    const report = await within(
      clock,
      settings.healthTimeoutMs + ASK_GRACE_MS,
      ask(settings.healthTimeoutMs),
    );
    return report === TIMED_OUT ? undefined : report;
  } catch {
    return undefined;
  }
}

/** Of a plugin's word on its health, in UTF-16 units; it is shown and logged. */
const MAX_MESSAGE = 1_000;

function healthOf(report: CheckHealthResponse): Health {
  switch (report.state) {
    case HealthState.HEALTH_STATE_DEGRADED:
      return { kind: 'degraded', message: report.message.slice(0, MAX_MESSAGE) };
    case HealthState.HEALTH_STATE_UNHEALTHY:
      return { kind: 'unhealthy', message: report.message.slice(0, MAX_MESSAGE) };
    default:
      return { kind: 'healthy' };
  }
}
