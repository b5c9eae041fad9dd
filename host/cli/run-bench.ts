import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';

/**
 * Runs the benchmark in a process of its own, so that nothing of the command line is measured with it.
 *
 * @returns whether it came to its end
 * @throws BulkheadError USAGE outside a checkout: the peers that it measures against are not in the published package
 */
export async function runBench(args: readonly string[]): Promise<boolean> {
  const main = fileURLToPath(new URL('../../../test/bench/main.ts', import.meta.url));
  if (!existsSync(main)) {
    throw new BulkheadError(
      ErrorCode.USAGE,
      'the benchmark and its peers are part of the repository, not of the package; run `npm run bench` in a checkout',
    );
  }
  const { exitCode } = await execa(process.execPath, [main, ...args], { stdio: 'inherit', reject: false });
  return exitCode === 0;
}
