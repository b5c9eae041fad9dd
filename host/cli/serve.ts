import { BulkheadError } from '@bulkhead/proto';
import { createLogTail } from '../admin/log-tail.js';
import { systemClock } from '../clock.js';
import { loadFoundation } from '../config/load-foundation.js';
import { type Daemon, startDaemon } from '../daemon.js';
import { closeInheritedDescriptors } from '../sidecar/descriptors.js';
import { HOST_ACTOR } from '../telemetry/audit.js';
import { createLogger } from '../telemetry/logger.js';
import { createSecretValues } from '../telemetry/secret-values.js';
import { renderBanner } from './banner.js';
import { type Cli, ExitCode } from './cli.js';
import { loadHostConfig, type LoadOptions } from './load.js';
import { createLockedPlugins } from './locked-plugins.js';
import { createLogOutput } from './log-output.js';
import { handOver } from './first-token.js';
import { watchFiles } from './watch-files.js';

export interface ServeOptions extends LoadOptions {
  /** Apply the configuration whenever one of its files changes. */
  readonly watch: boolean;
}

/** One Ctrl-C reaches the daemon more than once: from the terminal and from whatever started it. */
const SAME_SIGNAL_MS = 500;

/**
 * Runs the daemon until a signal ends it. SIGTERM and SIGINT drain, a second one ends at once; SIGHUP applies the
 * configuration.
 */
export async function serve(cli: Cli, options: ServeOptions): Promise<void> {
  closeInheritedDescriptors();
  const logs = createLogTail();
  const secretValues = createSecretValues();
  const log = createLogger({
    destination: createLogOutput(logs, cli.outIsTerminal),
    redactValues: (line) => secretValues.redact(line),
  });
  const abort = new AbortController();
  const stopped = stopOnSignal(abort, (message) => {
    log.info(message);
  });
  const locked = createLockedPlugins(cli.env, options, log);
  cli.err('Starting …\n');
  let daemon: Daemon;
  try {
    daemon = await startDaemon({
      foundation: () => loadFoundation(options.file, (name) => cli.env[name], options.overrides),
      load: (stored, secrets) =>
        loadHostConfig(cli.env, options, (dir, wanted) => locked.catalog(dir, wanted), stored, secrets),
      verify: (plugin) => locked.verify(plugin),
      clock: systemClock,
      env: cli.env,
      nodePath: process.execPath,
      log,
      secretValues,
      logs,
      signal: abort.signal,
    });
  } catch (error) {
    await log.flushed();
    if (abort.signal.aborted) process.exit(ExitCode.ok);
    throw error;
  }
  const apply = (why: string): void => {
    daemon.apply(HOST_ACTOR).then(
      (report) => log.info({ ...report, notices: undefined }, `configuration applied after ${why}`),
      (error: unknown) => {
        const { code, message } = BulkheadError.from(error);
        log.error({ code }, `configuration not applied after ${why}, the running one stays: ${message}`);
      },
    );
  };
  process.on('SIGHUP', () => {
    apply('SIGHUP');
  });
  const watch = watchFiles(systemClock, () => {
    apply('a change of its files');
    watch.set(daemon.files());
  });
  if (options.watch) watch.set(daemon.files());
  cli.err(renderBanner(daemon.status()));
  if (daemon.firstToken !== undefined) await handOver(cli, daemon.firstToken, daemon.status().data_dir);
  await stopped;
  watch.close();
  await daemon.stop();
  await log.flushed();
  // Whatever still holds the event loop must not hold the process.
  process.exit(ExitCode.ok);
}

/** Resolves at the first signal to stop; the second one ends the process at once. */
function stopOnSignal(abort: AbortController, say: (message: string) => void): Promise<void> {
  return new Promise((resolve) => {
    let first: number | undefined;
    const onSignal = (signal: NodeJS.Signals): void => {
      const now = systemClock.monotonic();
      if (first === undefined) {
        first = now;
        say(`${signal}: finishing what is in flight, then stopping; once more to stop at once`);
        abort.abort();
        resolve();
      } else if (now - first > SAME_SIGNAL_MS) {
        // Plugins see their lifeline close and end too.
        process.exit(ExitCode.failed);
      }
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}
