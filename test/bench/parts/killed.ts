import { KILLED_WALLS, measureKilled } from '../killed.ts';
import type { BenchPart } from './part.ts';

/** How long plugins outlive a host that is killed. */
export const killedPart: BenchPart = {
  names: ['killed'],
  async run({ rounds, strict }) {
    const figures: Record<string, number> = {};
    const lines: string[] = [];
    for (const wall of KILLED_WALLS) {
      const taken = wall.sandbox === 'strict' && !strict ? undefined : await measureKilled(wall, rounds);
      if (taken === undefined) {
        lines.push(
          `the host killed with ten plugins running, ${wall.what}: not measured, this machine cannot`,
        );
        continue;
      }
      figures[`killed_${wall.name}_ms`] = taken.medianMs;
      figures[`killed_${wall.name}_most_ms`] = taken.mostMs;
      lines.push(
        `the host killed with ten plugins running, ${wall.what}: the last of ${taken.processes} processes is gone after ${taken.medianMs} ms, at most ${taken.mostMs} ms`,
      );
    }
    return { figures, lines };
  },
};
