import type { Logger } from 'pino';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { createCertificate } from '@bulkhead/proto/handshake';
import type { Clock } from '../clock.js';
import { bringUp, type BroughtUp } from './bring-up.js';
import { noWall, type Wall } from './command-line.js';
import type { Refusal } from './egress/refusal.js';
import { FirstLine } from './first-line.js';
import { FloodMeter } from './flood/flood-meter.js';
import { createHealthCheck } from './health.js';
import { guardByGrant, type Guard, type HostMethod, type PluginIdentity } from './host-method.js';
import { createLogMethods } from './log-service.js';
import { createLimitWatch, type LimitWatch } from './limits/limit-watch.js';
import type { PluginLog } from './plugin-log.js';
import { connectRemote } from './remote/connect-remote.js';
import type { PluginProcess } from './plugin-process.js';
import type { ProcessLife } from './process-life.js';
import type { ExitReport, Launch, LaunchDescription, Sidecar } from './sidecar.js';
import { spawnWalled } from './spawn-walled.js';
import { startBudget, startCancelled } from './start-budget.js';
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
  /** Stands before each of them. Default: the grant alone. */
  readonly guard?: Guard;
  /** Hears of what plugins asked for and that nobody serves, and of connections that their egress did not make; for the audit. */
  readonly onUnknownMethod?: (plugin: PluginIdentity, method: string) => void;
  readonly onEgressRefused?: (
    plugin: Pick<PluginIdentity, 'name' | 'id' | 'version'>,
    refusal: Refusal,
  ) => void;
  /** Watches what plugins use up. Default: one of this launcher's own. */
  readonly limits?: LimitWatch;
  /** The daemon's environment; PATH, LANG and TZ are passed on. */
  readonly daemonEnv: Readonly<Record<string, string | undefined>>;
  /** Takes secrets out of what a plugin logs. Default: the text as it is. */
  readonly redact?: (text: string) => string;
  /** What plugins are walled in with; asked before each launch, so it keeps what it found. Default: `noWall`. */
  readonly wall?: () => Promise<Wall>;
  /**
   * Throws when what would run is not what was installed. `root` holds the package; under a wall that binds it by
   * descriptor it stays the same tree whatever happens to the directory's path. Default: nothing is checked.
   */
  readonly verify?: (description: LaunchDescription, root: string) => Promise<void>;
}

/** The launcher of plugin processes. See `Launch` for what a start promises. */
export function createLauncher(options: LauncherOptions): Launch {
  const limits = options.limits ?? createLimitWatch(options);
  return (description, signal) => launch({ ...options, limits }, description, signal);
}

async function launch(
  options: LauncherOptions & { readonly limits: LimitWatch },
  description: LaunchDescription,
  signal: AbortSignal | undefined,
): Promise<Sidecar> {
  const { clock } = options;
  if (signal?.aborted === true) throw startCancelled();
  if (description.remote !== undefined) {
    const log = pluginLogger(options.log, description);
    const parts = { ...options, log, redact: options.redact ?? asItIs };
    return connectRemote(parts, description, description.remote, signal);
  }
  const startedAt = clock.monotonic();
  const wall = await (options.wall?.() ?? noWall);
  const secured = needsMtls(description, wall);
  const certificate = secured ? createCertificate() : undefined;
  const { verify, onEgressRefused } = options;
  const { process, directory, log, life } = await spawnWalled(
    {
      log: pluginLogger(options.log, description),
      clock,
      runDir: options.runDir,
      daemonEnv: options.daemonEnv,
      redact: options.redact ?? asItIs,
      wall,
      limits: options.limits,
      ...(verify === undefined ? {} : { verify }),
      ...(onEgressRefused === undefined ? {} : { onEgressRefused }),
      ...(certificate === undefined ? {} : { clientCertificate: certificate.certPem }),
    },
    description,
  );
  const firstLine = new FirstLine((chunk) => {
    log.stdout.write(chunk);
  });
  readOutput(process, firstLine, log);

  let phase: StartPhase = 'waiting for the handshake line';
  const budget = startBudget(clock, description.startTimeoutMs, signal, () =>
    startTimedOut(description.startTimeoutMs, phase),
  );
  const identity: PluginIdentity = {
    name: description.name,
    id: description.id,
    version: description.version,
    get pid() {
      return process.pid;
    },
    grantedScopes: description.grantedScopes,
    grantedSecrets: description.grantedSecrets ?? [],
  };
  const methods = [...createLogMethods(log), ...options.hostMethods];
  const meter = new FloodMeter({
    clock,
    maxMessageBytes: description.maxMessageBytes,
    onFlood: (flood) => {
      life.exceeded(flood.code, flood.message);
    },
  });
  life.onEnd(() => {
    meter.end();
  });
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
      serve: methods.map((method) => (options.guard ?? guardByGrant)(identity, method, meter.waste)),
      meter,
      onUnknownMethod: (method) => options.onUnknownMethod?.(identity, method),
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
  process.stdout.once('data', () => {
    // Behind a wall it has a number of its own only now.
    log.pid = process.pid;
  });
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

function needsMtls({ network, mtls }: LaunchDescription, wall: Wall): boolean {
  return network === 'tcp' || mtls === true || (mtls === 'auto' && !wall.privateSockets);
}

/** Lines of one plugin, at its level. */
export function pluginLogger(log: Logger, description: LaunchDescription): Logger {
  const level = description.logLevel;
  return log.child({ plugin: description.name }, level in log.levels.values ? { level } : {});
}

function asItIs(text: string): string {
  return text;
}

function processEnded(): BulkheadError {
  return new BulkheadError(ErrorCode.PLUGIN_UNAVAILABLE, "the plugin's process is gone", { retryable: true });
}
