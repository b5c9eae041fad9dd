import { MISDEEDS, measureDisturbance } from '../misbehaving.ts';
import type { BenchPart } from './part.ts';

/** Calls to a neighbour of a plugin that misbehaves. */
export const besidePart: BenchPart = {
  names: ['beside'],
  async run({ rounds, strict }) {
    const figures: Record<string, number> = {};
    const lines: string[] = [];
    for (const misdeed of MISDEEDS) {
      const { p99Us, quietP99Us, ratio, untilEndedMs } = await measureDisturbance(
        misdeed,
        strict ? 'strict' : 'basic',
        rounds,
      );
      figures[`beside_${misdeed}_p99_us`] = p99Us;
      figures[`beside_${misdeed}_ratio`] = ratio;
      lines.push(
        `a call beside a plugin that does ${misdeed}: p99 ${p99Us} µs, quiet ${quietP99Us} µs, ${ratio} ×; it was ended after ${untilEndedMs} ms`,
      );
    }
    return { figures, lines };
  },
};
