import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BulkheadError } from '@bulkhead/proto';
import type { Clock } from '../../clock.js';
import { formatProblem } from '../../manifest/format-problem.js';
import { createLogger } from '../../telemetry/logger.js';
import { prettyLine } from '../../telemetry/pretty.js';
import type { Cli } from '../cli.js';
import { buildPlugin } from './build-plugin.js';
import { renderRecord } from './render-record.js';
import { startSoloHost, type SoloHost } from './solo-host.js';
import { samplePayload } from './templates.js';
import { watchTree } from './watch-tree.js';

/** Host lines below a warning would drown the calls. A plugin's own are shown from info on. */
const HOST_LEVEL = 'warn';
const PLUGIN_LEVEL = 'info';

export interface DevOptions {
  /** The plugin's package, absolute. */
  readonly directory: string;
  readonly pluginConfig: Readonly<Record<string, unknown>>;
  readonly clock: Clock;
}

/** A running `bulkhead dev`. */
export interface DevSession {
  /** Where the hook API is, for example `http://127.0.0.1:40123`. */
  readonly url: string;
  /** The entry's name. */
  readonly name: string;
  /** Ends host, plugin and watch; bounded, never rejects. */
  stop(): Promise<void>;
}

/**
 * Runs one plugin, builds and starts it anew on each save, and shows the calls. A failed build or start is said, and
 * what served before serves on.
 */
export async function startDev(
  cli: Pick<Cli, 'env' | 'out' | 'err'>,
  options: DevOptions,
): Promise<DevSession> {
  const { clock, directory, pluginConfig } = options;
  const dataDir = await realpath(await mkdtemp(join(tmpdir(), 'bulkhead-dev-')));
  const log = createLogger({
    level: HOST_LEVEL,
    destination: {
      write: (line) => {
        cli.err(prettyLine(line));
      },
    },
  });
  const host = await startSoloHost({
    directory,
    pluginConfig,
    dataDir,
    env: cli.env,
    clock,
    log,
    onRecord: (record) => {
      cli.out(renderRecord(record));
    },
  });
  log.setPluginLevel(host.name, PLUGIN_LEVEL);
  const ended = new AbortController();
  const url = await host.listen();
  const once = oneAtATime(() => rebuild(cli, options, host, ended.signal));
  const watch = await watchTree(directory, clock, once.request);
  await once.run();
  cli.err(`${renderUse(url, host)}Watching ${directory}; Ctrl-C ends it.\n`);
  return {
    url,
    name: host.name,
    async stop() {
      ended.abort();
      watch.close();
      await once.idle();
      await host.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function rebuild(
  cli: Pick<Cli, 'env' | 'err'>,
  { clock, directory }: DevOptions,
  host: SoloHost,
  signal: AbortSignal,
): Promise<void> {
  const startedMs = clock.monotonic();
  try {
    const built = await buildPlugin({ directory, env: cli.env, signal });
    if (signal.aborted) return;
    if (!built.ok) {
      cli.err(`${built.output.trimEnd()}\nNot built: ${built.why}. What ran before runs on.\n`);
      return;
    }
    const started = await host.refresh();
    if (!started.ok) throw started.error;
    const tookMs = Math.round(clock.monotonic() - startedMs);
    cli.err(`${host.name} is ready after ${tookMs} ms, on ${host.hooks().join(', ') || 'no hook'}.\n`);
  } catch (error) {
    if (signal.aborted) return;
    cli.err(`Not started: ${renderError(error)}What ran before runs on.\n`);
  }
}

function renderError(thrown: unknown): string {
  const { code, message, problems } = BulkheadError.from(thrown);
  const lines = problems.map((problem) => `  ${formatProblem(problem)}\n`);
  return `${code}: ${lines.length > 0 ? (message.split('\n')[0] ?? '') : message}\n${lines.join('')}`;
}

function renderUse(url: string, host: SoloHost): string {
  const [hook = 'tool_pre_invoke'] = host.hooks();
  const body = JSON.stringify({ payload: samplePayload(hook) });
  return `Try it: curl -s ${url}/hooks/${hook} -H 'content-type: application/json' -d '${body}'\n`;
}

/** Runs work one at a time; what is asked for during a run is one more run after it. */
function oneAtATime(work: () => Promise<void>): {
  readonly request: () => void;
  readonly run: () => Promise<void>;
  readonly idle: () => Promise<void>;
} {
  let running: Promise<void> = Promise.resolve();
  let waiting = false;
  const run = (): Promise<void> => {
    if (waiting) return running;
    waiting = true;
    running = running.then(() => {
      waiting = false;
      return work();
    });
    return running;
  };
  return { request: () => void run(), run, idle: () => running };
}
