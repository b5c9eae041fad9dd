import type { Clock } from '../clock.js';
import type { HostConfig } from '../config/config.js';
import type { LoadedConfig } from '../config/loaded-config.js';
import type { Host } from '../host.js';
import type { Store } from '../store/store.js';
import type { Upstreams } from '../upstream/upstreams.js';
import { HOST_VERSION } from '../version.js';
import { pluginStatuses, storeStatus, upstreamStatuses } from './describe-host.js';
import type { DaemonStatus } from './status.js';

export interface DaemonStatusParts {
  readonly clock: Clock;
  readonly dataDir: string;
  readonly store: Store;
  readonly host: Host<HostConfig>;
  readonly upstreams: Upstreams;
  /** Where it listens; filled in as it opens. */
  readonly listen: DaemonStatus['listen'];
  readonly readiness: () => DaemonStatus['readiness'];
  /** The configuration that runs. */
  readonly loaded: () => LoadedConfig;
}

/** What a daemon says of itself; it is up since this was made. */
export function createDaemonStatus(parts: DaemonStatusParts): () => DaemonStatus {
  const { clock, dataDir, store, host, upstreams, listen, readiness, loaded } = parts;
  const startedAt = clock.now();
  const startedMs = clock.monotonic();
  return () => {
    const { config, files } = loaded();
    const { sandbox } = host.status();
    return {
      version: HOST_VERSION,
      pid: process.pid,
      node: process.versions.node,
      environment: config.environment,
      config_file: files[0] ?? '',
      data_dir: dataDir,
      started_at: new Date(startedAt).toISOString(),
      uptime_ms: Math.round(clock.monotonic() - startedMs),
      readiness: readiness(),
      listen,
      ...(sandbox === undefined ? {} : { sandbox }),
      store: storeStatus(store),
      plugins: pluginStatuses(config, host),
      upstreams: upstreamStatuses(config, upstreams),
      notices: config.notices,
    };
  };
}
