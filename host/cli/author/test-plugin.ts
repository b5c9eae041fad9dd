import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Problem } from '@bulkhead/proto';
import type { Clock } from '../../clock.js';
import { createLogger } from '../../telemetry/logger.js';
import { checkPackage } from '../check-package.js';
import type { Cli } from '../cli.js';
import type { PackageReport } from '../package-report.js';
import { buildPlugin } from './build-plugin.js';
import { readScripts, runScript } from './package-scripts.js';
import { startSoloHost } from './solo-host.js';

/** What Node does with a package that says nothing of its tests. */
const DEFAULT_TEST = 'node --test';

export interface TestOptions {
  /** The plugin's package, absolute. */
  readonly directory: string;
  readonly pluginConfig: Readonly<Record<string, unknown>>;
  readonly clock: Clock;
}

export type TestOutcome =
  | { readonly kind: 'not built' | 'tests failed'; readonly why: string }
  /** The tests passed, and this is what else was looked at. */
  | { readonly kind: 'checked'; readonly report: PackageReport };

/** Builds a package, runs its tests, checks it, and starts it for real: what it declares must be what it does. */
export async function testPackage(cli: Pick<Cli, 'env' | 'err'>, options: TestOptions): Promise<TestOutcome> {
  const { directory } = options;
  const run = {
    directory,
    env: cli.env,
    onOutput: (text: string) => {
      cli.err(text);
    },
  };
  const built = await buildPlugin(run);
  if (!built.ok) return { kind: 'not built', why: built.why };
  const tested = await runScript((await readScripts(directory)).get('test') ?? DEFAULT_TEST, run);
  if (!tested.ok) return { kind: 'tests failed', why: tested.why };
  const report = await checkPackage(directory);
  if (report.problems.length > 0) return { kind: 'checked', report };
  return {
    kind: 'checked',
    report: {
      ...report,
      checked: [...report.checked, 'declared against implemented'],
      problems: await startOnce(cli, options),
    },
  };
}

async function startOnce(
  cli: Pick<Cli, 'env'>,
  { directory, pluginConfig, clock }: TestOptions,
): Promise<readonly Problem[]> {
  const dataDir = await realpath(await mkdtemp(join(tmpdir(), 'bulkhead-test-')));
  const log = createLogger({ level: 'silent', destination: { write: () => undefined } });
  const host = await startSoloHost({ directory, pluginConfig, dataDir, env: cli.env, clock, log });
  try {
    const started = await host.refresh();
    if (started.ok) return [];
    const { code, message, problems } = started.error;
    return problems.length > 0 ? problems : [{ code, message, file: directory }];
  } finally {
    await host.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}
