import type { Logger } from 'pino';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { createCertificate } from '@bulkhead/proto/handshake';
import type { Clock } from '../clock.js';
import { bringUp, type BroughtUp } from './bring-up.js';
import { toCommandLine, type Wall } from './command-line.js';
import { createEnvironment } from './environment.js';
import { FirstLine } from './first-line.js';
import { createHealthCheck } from './health.js';
import { serveTo, type HostMethod, type PluginIdentity } from './host-method.js';
import { createLaunchDirectory } from './launch-directory.js';
import { createLogMethods } from './log-service.js';
import { PluginLog } from './plugin-log.js';
import { spawnPlugin, type PluginProcess } from './plugin-process.js';
import { ProcessLife } from './process-life.js';
import type { ExitReport, Launch, LaunchDescription, Sidecar } from './sidecar.js';
import { startTimedOut, withReport, type StartPhase } from './start-error.js';
import { stopProcess } from './stop-ladder.js';

export interface LauncherOptions {
  readonly log: Logger;
  readonly clock: Clock;
  /** Parent of the private launch directories; made, mode 0700, when it is missing. */
  readonly runDir: string;
  readonly hostVersion: string;
  /** What the host serves to every plugin, besides LogService. */
  readonly hostMethods: readonly HostMethod[];
  /** The daemon's environment; PATH, LANG and TZ are passed on. */
  readonly daemonEnv: Readonly<Record<string, string | undefined>>;
  /** Takes secrets out of what a plugin logs. Default: the text as it is. */
  readonly redact?: (text: string) => string;
  /** Default: `toCommandLine`, the basic wall. */
  readonly wall?: Wall;
}

/** The launcher of plugin processes. See `Launch` for what a start promises. */
export function createLauncher(options: LauncherOptions): Launch {
  return (description, signal) => launch(options, description, signal);
}

async function launch(
  options: LauncherOptions,
  description: LaunchDescription,
  signal: AbortSignal | undefined,
): Promise<Sidecar> {
  const { clock } = options;
  if (signal?.aborted === true) throw startCancelled();
  const startedAt = clock.monotonic();
  const directory = await createLaunchDirectory(options.runDir, description.name);
  const secured = description.mtls || description.network === 'tcp';
  const certificate = secured ? createCertificate() : undefined;
  const log = new PluginLog({
    log: pluginLogger(options.log, description),
    clock,
    redact: options.redact ?? asItIs,
  });
  const firstLine = new FirstLine((chunk) => {
    log.stdout.write(chunk);
  });
  let process: PluginProcess;
  try {
    const env = createEnvironment({
      daemon: options.daemonEnv,
      operator: description.env,
      launchDir: directory.path,
      hostSocket: directory.hostSocket,
      network: description.network,
      ...(certificate === undefined ? {} : { clientCertificate: certificate.certPem }),
    });
    process = await spawnPlugin(
      (options.wall ?? toCommandLine)(description, { launchDir: directory.path, env }),
    );
  } catch (error) {
    await directory.remove();
    throw error;
  }
  log.pid = process.pid;
  readOutput(process, firstLine, log);
  const life = new ProcessLife({ process, directory, log, clock, killTimeoutMs: description.killTimeoutMs });

  let phase: StartPhase = 'waiting for the handshake line';
  const budget = startBudget(clock, description.startTimeoutMs, signal, () => phase);
  const identity: PluginIdentity = {
    name: description.name,
    id: description.id,
    version: description.version,
    pid: process.pid,
    grantedScopes: description.grantedScopes,
  };
  const methods = [...createLogMethods(log), ...options.hostMethods];
  try {
    await Promise.race([directory.recordPlugin(process.pid), budget.over]);
    const brought = bringUp({
      description,
      directory,
      life,
      firstLine,
      log,
      clock,
      hostVersion: options.hostVersion,
      certificate,
      serve: methods.map((method) => serveTo(identity, method)),
      onPhase: (next) => {
        phase = next;
      },
    });
    const up = await Promise.race([brought, budget.over]);
    return createSidecar({ description, process, life, clock, startMs: clock.monotonic() - startedAt }, up);
  } catch (error) {
    const report = await life.kill('the start failed');
    throw withReport(BulkheadError.from(error), report);
  } finally {
    budget.close();
  }
}

interface RunningParts {
  readonly description: LaunchDescription;
  readonly process: PluginProcess;
  readonly life: ProcessLife;
  readonly clock: Clock;
  readonly startMs: number;
}

function createSidecar(
  parts: RunningParts,
  { client, transport, handshake, initialized }: BroughtUp,
): Sidecar {
  const { process, life, clock, description } = parts;
  life.onEnd(() => {
    transport.close(processEnded());
  });
  let stopping: Promise<ExitReport> | undefined;
  return {
    pid: process.pid,
    handshake,
    initialized,
    startMs: parts.startMs,
    get inFlight() {
      return transport.inFlight;
    },
    exited: life.exited,
    lost: transport.lost,
    call: (path, body, options) => transport.call(path, body, options),
    health: createHealthCheck(transport),
    stop: (reason) =>
      (stopping ??= stopProcess({ life, process, client, clock, bounds: description }, reason)),
    kill: (reason) => life.kill(reason),
  };
}

function readOutput(process: PluginProcess, firstLine: FirstLine, log: PluginLog): void {
  process.stdout.on('data', (chunk: Buffer) => {
    firstLine.write(chunk);
  });
  process.stdout.once('close', () => {
    firstLine.end();
  });
  process.stderr.on('data', (chunk: Buffer) => {
    log.stderr.write(chunk);
  });
}

/** Rejects when the start has taken too long or is no longer wanted. */
function startBudget(
  clock: Clock,
  startTimeoutMs: number,
  signal: AbortSignal | undefined,
  phase: () => StartPhase,
): { readonly over: Promise<never>; close(): void } {
  let close = (): void => {};
  const over = new Promise<never>((_resolve, reject) => {
    const cancelTimer = clock.after(startTimeoutMs, () => {
      reject(startTimedOut(startTimeoutMs, phase()));
    });
    const onAbort = (): void => {
      reject(startCancelled());
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted === true) onAbort();
    close = () => {
      cancelTimer();
      signal?.removeEventListener('abort', onAbort);
    };
  });
  return { over, close };
}

function pluginLogger(log: Logger, description: LaunchDescription): Logger {
  const level = description.logLevel;
  return log.child({ plugin: description.name }, level in log.levels.values ? { level } : {});
}

function asItIs(text: string): string {
  return text;
}

function processEnded(): BulkheadError {
  return new BulkheadError(ErrorCode.PLUGIN_UNAVAILABLE, "the plugin's process is gone", { retryable: true });
}

function startCancelled(): BulkheadError {
  return new BulkheadError(ErrorCode.CANCELLED, 'the start is no longer wanted');
}
