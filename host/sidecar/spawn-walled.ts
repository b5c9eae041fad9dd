import type { Clock } from '../clock.js';
import type { Logger } from 'pino';
import type { Wall } from './command-line.js';
import { openEgress, type Egress } from './egress/open-egress.js';
import type { Refusal } from './egress/refusal.js';
import { createEnvironment } from './environment.js';
import type { PluginIdentity } from './host-method.js';
import { createLaunchDirectory, type LaunchDirectory } from './launch-directory.js';
import { assertRoom, keepLimits } from './limits/keep-limits.js';
import type { LimitWatch } from './limits/limit-watch.js';
import type { Tenant } from './own-user/plugin-users.js';
import { PluginLog } from './plugin-log.js';
import { spawnPlugin, type PluginProcess } from './plugin-process.js';
import { ProcessLife } from './process-life.js';
import type { LaunchDescription } from './sidecar.js';

export interface WalledOptions {
  /** Already the plugin's. */
  readonly log: Logger;
  readonly clock: Clock;
  readonly runDir: string;
  readonly daemonEnv: Readonly<Record<string, string | undefined>>;
  readonly redact: (text: string) => string;
  readonly wall: Wall;
  readonly limits: LimitWatch;
  /** Hears of connections that the plugin's egress did not make. */
  readonly onEgressRefused?: (
    plugin: Pick<PluginIdentity, 'name' | 'id' | 'version'>,
    refusal: Refusal,
  ) => void;
  readonly verify?: (description: LaunchDescription, root: string) => Promise<void>;
  /** The host's certificate, PEM, when the connection is mTLS. */
  readonly clientCertificate?: string;
}

/** A process behind its plugin's wall, under the plugin's limits and with its way out. Nobody reads its output yet. */
export interface WalledProcess {
  readonly process: PluginProcess;
  readonly directory: LaunchDirectory;
  readonly log: PluginLog;
  readonly life: ProcessLife;
}

/** @throws BulkheadError SPAWN_FAILED, SANDBOX_UNAVAILABLE, LIMIT_EXCEEDED, and what `verify` throws; nothing is left then */
export async function spawnWalled(
  options: WalledOptions,
  description: LaunchDescription,
): Promise<WalledProcess> {
  const tenant = await options.wall.users?.enter(description, options.log);
  try {
    return await spawnAs(tenant, options, description);
  } catch (error) {
    await tenant?.leave();
    throw error;
  }
}

async function spawnAs(
  tenant: Tenant | undefined,
  options: WalledOptions,
  description: LaunchDescription,
): Promise<WalledProcess> {
  const { clock, wall, verify, clientCertificate } = options;
  const uid = tenant?.uid;
  const directory = await createLaunchDirectory(options.runDir, description.name, uid);
  const log = new PluginLog({ log: options.log, clock, redact: options.redact });
  let process: PluginProcess;
  let egress: Egress | undefined;
  try {
    await assertRoom(description);
    egress = await openEgress(description, directory, {
      log: options.log,
      clock,
      onRefused: (refusal) => options.onEgressRefused?.(description, refusal),
    });
    const env = createEnvironment({
      daemon: options.daemonEnv,
      operator: description.env,
      launchDir: directory.path,
      hostSocket: directory.hostSocket,
      network: description.network,
      ...(egress === undefined ? {} : { egressSocket: egress.socketPath }),
      ...(clientCertificate === undefined ? {} : { clientCertificate }),
    });
    const commandLine = await wall.enclose(description, {
      launchDir: directory.path,
      socketsDir: directory.socketsDir,
      ...(uid === undefined ? {} : { uid }),
      env,
      ...(verify === undefined ? {} : { verify: (root: string) => verify(description, root) }),
    });
    const started = await spawnPlugin(commandLine).catch(async (error: unknown) => {
      await commandLine.discard?.();
      throw error;
    });
    process = commandLine.adopt?.(started) ?? started;
  } catch (error) {
    egress?.close();
    await directory.remove();
    throw error;
  }
  log.pid = process.pid;
  const life = new ProcessLife({
    process,
    directory,
    log,
    clock,
    killTimeoutMs: description.killTimeoutMs,
    ...(tenant === undefined ? {} : { endStrays: () => tenant.leave() }),
  });
  life.onEnd(() => {
    egress?.close();
  });
  void keepLimits(description, directory.path, process, life, options.limits);
  return { process, directory, log, life };
}
