import { measure, median, type RemoteSubject, type Sample, type Subject } from '../measure.ts';
import { RATIOS, SCENARIOS } from '../scenarios.ts';
import { round2, type BenchOptions, type BenchPart, type BenchReport } from './part.ts';

type Scenario = (typeof SCENARIOS)[number];

/** The table of calls: every scenario in turn, in each round. */
export const scenariosPart: BenchPart = { names: SCENARIOS.map(({ name }) => name), run };

async function run({ rounds, sliceMs, only, say }: BenchOptions): Promise<BenchReport> {
  const subjects = await connect(
    SCENARIOS.filter(({ name }) => name.includes(only)),
    say,
  );
  const samples = new Map<string, Sample[]>();
  for (let round = 0; round < rounds; round += 1) {
    for (const [scenario, subject] of subjects) {
      for (const inFlight of scenario.inFlight) {
        await measure(subject, inFlight, round === 0 ? sliceMs : sliceMs / 3);
        const key = keyOf(scenario.name, inFlight);
        samples.set(key, [...(samples.get(key) ?? []), await measure(subject, inFlight, sliceMs)]);
      }
    }
    say(`round ${round + 1} of ${rounds} done`);
  }
  for (const subject of subjects.values()) await subject.close();
  const table = describeCalls([...subjects.keys()], samples);
  const ratios = describeRatios(samples);
  return {
    figures: { ...table.figures, ...ratios.figures },
    lines: ['', ...table.lines, ...ratios.lines],
  };
}

async function connect(
  scenarios: readonly Scenario[],
  say: (line: string) => void,
): Promise<Map<Scenario, Subject | RemoteSubject>> {
  const subjects = new Map<Scenario, Subject | RemoteSubject>();
  for (const scenario of scenarios) {
    try {
      subjects.set(scenario, await scenario.connect());
    } catch (error) {
      if (scenario.optional !== true) throw error;
      say(`skipped: ${scenario.what}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return subjects;
}

function describeCalls(scenarios: readonly Scenario[], samples: ReadonlyMap<string, Sample[]>): BenchReport {
  const figures: Record<string, number> = {};
  const lines = [
    'what                                                  in flight      calls/s     p50 µs     p99 µs',
  ];
  for (const { name, what, inFlight: all } of scenarios) {
    for (const inFlight of all) {
      const key = keyOf(name, inFlight);
      const taken = samples.get(key) ?? [];
      const perSecond = median(taken.map((sample) => sample.perSecond));
      const p50 = median(taken.map((sample) => sample.p50Us));
      const p99 = median(taken.map((sample) => sample.p99Us));
      figures[`${key}_per_s`] = perSecond;
      figures[`${key}_p50_us`] = p50;
      figures[`${key}_p99_us`] = p99;
      lines.push(
        what.padEnd(54) +
          String(inFlight).padStart(9) +
          [perSecond, p50, p99].map((value) => String(value).padStart(11)).join('  '),
      );
    }
  }
  return { figures, lines };
}

function describeRatios(samples: ReadonlyMap<string, Sample[]>): BenchReport {
  const figures: Record<string, number> = {};
  const lines: string[] = [];
  for (const { key, what, of, to, figure } of RATIOS) {
    const above = samples.get(keyOf(of.name, of.inFlight)) ?? [];
    const below = samples.get(keyOf(to.name, to.inFlight)) ?? [];
    const ratios = above.flatMap((sample, round) => {
      const other = below[round];
      return other === undefined ? [] : [sample[figure] / other[figure]];
    });
    if (ratios.length === 0) continue;
    figures[key] = round2(median(ratios));
    lines.push(`${what}: ${figures[key]} ×`);
  }
  return { figures, lines };
}

function keyOf(name: string, inFlight: number): string {
  return `${name}_c${inFlight}`;
}
