import { Command } from 'commander';
import { ExitCode, type Cli } from '../cli.js';

/** Besides the calls, each of which is a part of its own; docs/benchmarks.md lists all. */
const PARTS = 'hammered, install, verify, start, beside, gateway, killed';

interface BenchOptions {
  readonly json: boolean;
  readonly rounds: string;
  readonly sliceMs: string;
  readonly only?: string;
}

export function benchCommand(cli: Cli): Command {
  return new Command('bench')
    .description('measure the host against its peers on this machine; needs a checkout of the repository')
    .option('--json', 'print all figures as one JSON object, as the last line', false)
    .option('--rounds <n>', 'interleaved rounds, of which the median counts', '5')
    .option('--slice-ms <ms>', 'how long each measurement takes', '600')
    .option(
      '--only <part>',
      `measure only the parts with this in their name: ${PARTS}, and calls by name (noop, unary, store, kv_get, object_create, …; docs/benchmarks.md lists them)`,
    )
    .action(async (options: BenchOptions) => {
      const { runBench } = await import('../run-bench.js');
      const ok = await runBench([
        ...(options.json ? ['--json'] : []),
        `--rounds=${options.rounds}`,
        `--slice-ms=${options.sliceMs}`,
        ...(options.only === undefined ? [] : [`--only=${options.only}`]),
      ]);
      if (!ok) cli.exitWith(ExitCode.failed);
    });
}
