import { median } from '../measure.ts';
import { measureNodeStart, measureStart, type StartAndMemory } from '../start-and-memory.ts';
import { round1, type BenchPart } from './part.ts';

/** From nothing to ready, and the memory that it takes. */
export const startPart: BenchPart = {
  names: ['start'],
  async run({ rounds, strict }) {
    const one: StartAndMemory[] = [];
    const oneStrict: StartAndMemory[] = [];
    const ten: StartAndMemory[] = [];
    for (let round = 0; round < rounds; round += 1) {
      one.push(await measureStart(1, 'basic'));
      if (strict) oneStrict.push(await measureStart(1, 'strict'));
      ten.push(await measureStart(10, 'basic'));
    }
    const middle = (taken: readonly StartAndMemory[], figure: keyof StartAndMemory): number =>
      round1(median(taken.map((start) => start[figure])));
    const figures = {
      node_grpc_start_ms: round1(await measureNodeStart(rounds)),
      start_one_ms: middle(one, 'startMs'),
      ...(strict ? { start_one_strict_ms: middle(oneStrict, 'startMs') } : {}),
      restart_ms: middle(one, 'restartMs'),
      ...(strict ? { restart_strict_ms: middle(oneStrict, 'restartMs') } : {}),
      start_ten_ms: middle(ten, 'startMs'),
      host_pss_mb: middle(ten, 'hostPssMb'),
      plugin_pss_mb: middle(ten, 'pluginPssMb'),
    };
    return {
      figures,
      lines: [
        `start to ready of one plugin: ${figures.start_one_ms} ms (in the strict sandbox, with the one trial of it: ${figures.start_one_strict_ms ?? 'not measured'} ms), of ten: ${figures.start_ten_ms} ms`,
        `from spawn to ready, in a host that runs: ${figures.restart_ms} ms (in the strict sandbox: ${figures.restart_strict_ms ?? 'not measured'} ms)`,
        `Node with grpc-js loaded, for comparison: ${figures.node_grpc_start_ms} ms`,
        `memory (PSS): host ${figures.host_pss_mb} MB, a plugin ${figures.plugin_pss_mb} MB, ten plugins running`,
      ],
    };
  },
};
