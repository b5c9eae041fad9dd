import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 20;
const NS_PER_US = 1_000;

/** How late this process's event loop runs. */
export interface LoopDelay {
  /** The 99th percentile since the last call, in microseconds. */
  takeP99Us(): number;
}

export function watchLoopDelay(): LoopDelay {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  return {
    takeP99Us() {
      // The histogram holds the time between two ticks of its timer, the interval itself included.
      const p99Us = histogram.count === 0 ? 0 : histogram.percentile(99) / NS_PER_US - RESOLUTION_MS * 1_000;
      histogram.reset();
      return Math.max(0, Math.round(p99Us));
    },
  };
}
