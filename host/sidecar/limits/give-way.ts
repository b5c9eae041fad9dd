import { createLoadMeter } from './load-meter.js';
import type { Weigh } from './weigh.js';

/** More than one thread of JavaScript takes, its garbage collector included. */
const BUSY_PROCESSORS = 1.25;
/** Between two measurements: processor time is counted in steps of 10 ms. */
const MEASURE_INTERVAL_MS = 100;
/** How long a plugin has to be calm before it counts in full again. */
const CALM_MS = 1_000;

export interface GiveWayOptions {
  /** Whether it gives way all the time: it has a limit on processors that nothing holds it to. */
  readonly always: boolean;
  readonly weigh: Weigh;
  /** Default: measured from /proc. */
  readonly measure?: (pids: readonly number[], nowMs: number) => number;
}

/**
 * Lets a plugin that keeps more than one processor busy give way to everybody else, until it is calm. It takes
 * nothing from it while nobody else wants the processor.
 *
 * @returns takes the plugin's processes and the time, again and again
 */
export function createGiveWay(options: GiveWayOptions): (pids: readonly number[], nowMs: number) => void {
  const { always, weigh, measure = createLoadMeter() } = options;
  let measuredAtMs = Number.NEGATIVE_INFINITY;
  let untilMs = always ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  let light = false;
  return (pids, nowMs) => {
    if (!always && nowMs - measuredAtMs >= MEASURE_INTERVAL_MS) {
      if (measure(pids, nowMs) > BUSY_PROCESSORS) untilMs = nowMs + CALM_MS;
      measuredAtMs = nowMs;
    }
    const wasLight = light;
    light = nowMs < untilMs;
    // Again at each look, because there may be new processes.
    if (light || wasLight) weigh(pids, light ? 'light' : 'full');
  };
}
