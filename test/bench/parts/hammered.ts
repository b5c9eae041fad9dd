import { measureHammered } from '../hammered.ts';
import type { BenchPart } from './part.ts';

/** A neighbour's KV gets beside a plugin far past its budget. */
export const hammeredPart: BenchPart = {
  names: ['hammered'],
  async run({ rounds, sliceMs }) {
    const hammered = await measureHammered(rounds, sliceMs);
    return {
      figures: {
        hammered_quiet_p99_us: hammered.quietP99Us,
        hammered_p99_us: hammered.p99Us,
        hammered_ratio: hammered.ratio,
      },
      lines: [
        `KV gets beside a plugin far past its budget: p50 ${hammered.p50Us} µs, p99 ${hammered.p99Us} µs; ` +
          `quiet ${hammered.quietP50Us} and ${hammered.quietP99Us} µs; p99 ${hammered.ratio} ×; ` +
          `the other was answered ${hammered.answeredPerSecond} and refused ${hammered.refusedPerSecond} times a second`,
      ],
    };
  },
};
