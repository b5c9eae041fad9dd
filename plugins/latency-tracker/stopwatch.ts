import type { HookContext } from '@bulkhead/sdk';

type Context = Pick<HookContext, 'state'>;

/** Start and end of a call reach the plugin as two hooks; what lies between them stands in the request's state. */
export interface Stopwatch {
  start(kind: string, ctx: Context): void;
  /** Milliseconds since the start; undefined when there was none, or when the clock was set back meanwhile. */
  stop(kind: string, ctx: Context): number | undefined;
}

/** @param now milliseconds since the Unix epoch, with fractions: the start may have been in another process */
export function createStopwatch(now: () => number): Stopwatch {
  return {
    start(kind, ctx) {
      ctx.state.set(kind, now());
    },
    stop(kind, ctx) {
      const started = ctx.state.get(kind);
      ctx.state.delete(kind);
      if (typeof started !== 'number') return undefined;
      const latencyMs = now() - started;
      return latencyMs >= 0 ? Math.round(latencyMs * 1000) / 1000 : undefined;
    },
  };
}
