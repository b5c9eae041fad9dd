import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Client } from '@grpc/grpc-js';
import { formatDestination, isLoopbackHost } from '@bulkhead/proto/rules';
import { isIP } from 'node:net';
import type { Logger } from 'pino';
import type { Clock } from '../../clock.js';
import { type RemotePlugin } from '../../config/remote-address.js';
import { establish, type BroughtUp } from '../bring-up.js';
import { openChannel } from '../channel.js';
import { FloodMeter } from '../flood/flood-meter.js';
import { createHealthCheck } from '../health.js';
import { guardByGrant, type Guard, type HostMethod, type PluginIdentity } from '../host-method.js';
import { createLogMethods } from '../log-service.js';
import { PluginLog } from '../plugin-log.js';
import type { ExitReport, LaunchDescription, Sidecar } from '../sidecar.js';
import { startBudget } from '../start-budget.js';
import { CLOSED_AFTER_TLS, TLS_FAILURE, asCertificateError, type StartPhase } from '../start-error.js';
import { pinServer } from './pinned-server.js';

/** There is no process of ours; no caller may signal or measure this number. */
const NO_PID = 0;

export interface RemoteParts {
  /** Says the plugin's name on each line. */
  readonly log: Logger;
  readonly clock: Clock;
  readonly hostVersion: string;
  /** What the host serves to every plugin, besides LogService. */
  readonly hostMethods: readonly HostMethod[];
  /** Stands before each of them. Default: the grant alone. */
  readonly guard?: Guard;
  /** Hears of what the plugin asked for and that nobody serves. */
  readonly onUnknownMethod?: (plugin: PluginIdentity, method: string) => void;
  readonly redact: (text: string) => string;
}

/**
 * Connects to a plugin that runs elsewhere; from then on it is a sidecar like any other. Its process is not the host's:
 * `stop` and `kill` close the connection and leave it running.
 *
 * @throws BulkheadError CERTIFICATE_REFUSED, PLUGIN_UNAVAILABLE, START_TIMEOUT, and what a start throws after connecting
 */
export async function connectRemote(
  parts: RemoteParts,
  description: LaunchDescription,
  remote: RemotePlugin,
  signal: AbortSignal | undefined,
): Promise<Sidecar> {
  const { clock } = parts;
  const startedAt = clock.monotonic();
  const log = new PluginLog({ log: parts.log, clock, redact: parts.redact });
  let phase: StartPhase = 'connecting';
  const given = new AbortController();
  const budget = startBudget(clock, description.startTimeoutMs, signal, () =>
    timedOut(remote, description.startTimeoutMs, phase),
  );
  let client: Client | undefined;
  const flooded = Promise.withResolvers<never>();
  // Raced below, or nobody's any more.
  flooded.promise.catch(() => {});
  let onFlood = (flood: BulkheadError): void => {
    flooded.reject(flood);
  };
  const meter = new FloodMeter({
    clock,
    maxMessageBytes: description.maxMessageBytes,
    onFlood: (flood) => {
      log.logger.error({ code: flood.code }, `the connection is closed: ${flood.message}`);
      onFlood(flood);
    },
  });
  try {
    const connecting = async (): Promise<BroughtUp> => {
      const tls =
        remote.tls === undefined ? plaintext(remote) : await pinServer(remote, remote.tls, given.signal);
      const name = isIP(remote.host) === 0 ? remote.host : undefined;
      client = openChannel(`dns:${formatDestination(remote)}`, tls, description.maxMessageBytes, meter, name);
      return establish({
        description,
        client,
        clock,
        log,
        hostVersion: parts.hostVersion,
        serve: [...createLogMethods(log), ...parts.hostMethods].map((method) =>
          (parts.guard ?? guardByGrant)(identityOf(description), method, meter.waste),
        ),
        meter,
        onUnknownMethod: (method) => parts.onUnknownMethod?.(identityOf(description), method),
        explain: (error) =>
          tls === undefined
            ? error
            : asCertificateError(asCertificateError(error, TLS_FAILURE), CLOSED_AFTER_TLS),
        onPhase: (next) => {
          phase = next;
        },
      });
    };
    const up = await Promise.race([connecting(), budget.over, flooded.promise]);
    onFlood = (flood) => {
      up.transport.close(flood);
    };
    void up.transport.lost.then(() => {
      meter.end();
    });
    return createSidecar(up, log, clock.monotonic() - startedAt);
  } catch (error) {
    given.abort();
    meter.end();
    client?.close();
    log.end();
    throw error;
  } finally {
    budget.close();
  }
}

function createSidecar(
  { transport, handshake, initialized }: BroughtUp,
  log: PluginLog,
  startMs: number,
): Sidecar {
  const ended = Promise.withResolvers<ExitReport>();
  let over = false;
  const end = (reason: string): Promise<ExitReport> => {
    if (!over) {
      over = true;
      transport.close(
        new BulkheadError(ErrorCode.PLUGIN_UNAVAILABLE, `the connection was closed: ${reason}`, {
          retryable: true,
        }),
      );
      log.end();
      ended.resolve({ exitCode: null, signal: null, reason, lastLines: log.lastLines() });
    }
    return ended.promise;
  };
  void transport.lost.then((error) => end(error.message));
  return {
    pid: NO_PID,
    handshake,
    initialized,
    startMs,
    get inFlight() {
      return transport.inFlight;
    },
    exited: ended.promise,
    lost: transport.lost,
    call: (path, body, options) => transport.call(path, body, options),
    health: createHealthCheck(transport),
    stop: end,
    kill: end,
  };
}

function identityOf({
  name,
  id,
  version,
  grantedScopes,
  grantedSecrets = [],
}: LaunchDescription): PluginIdentity {
  return { name, id, version, pid: NO_PID, grantedScopes, grantedSecrets };
}

/** The configuration allows it only in development; that it is loopback is asked once more, because nothing protects it. */
function plaintext({ address, host }: RemotePlugin): undefined {
  if (isLoopbackHost(host)) return undefined;
  throw new BulkheadError(
    ErrorCode.ADDRESS_REFUSED,
    `plaintext goes only to loopback, got ${address}; write grpcs:// and tls`,
  );
}

function timedOut({ address }: RemotePlugin, startTimeoutMs: number, phase: StartPhase): BulkheadError {
  return new BulkheadError(
    ErrorCode.START_TIMEOUT,
    `${address} was not ready within ${startTimeoutMs} ms: it was still ${phase}. Look at the plugin's own log, or raise its start timeout`,
    { retryable: true, details: { phase } },
  );
}
