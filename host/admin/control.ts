import type { Actor } from '../telemetry/audit.js';
import type { LogTail } from './log-tail.js';
import type { ApplyReport, DaemonStatus, PluginStatus, Readiness } from './status.js';

/** What the control plane may ask of the running daemon. The composition root implements it. */
export interface Control {
  readiness(): Readiness;
  status(): DaemonStatus;
  /** @throws PLUGIN_NOT_FOUND */
  plugin(name: string): PluginStatus;
  readonly logs: LogTail;
  /** Starts a new process, swaps, lets the old one finish. Rejects, and the old one serves on, when the start fails. */
  reload(name: string, by: Actor): Promise<void>;
  /** Acts on the running daemon only; a restart reads the configuration. */
  enable(name: string, by: Actor): Promise<void>;
  disable(name: string, by: Actor): Promise<void>;
  /** Back into rotation after `on_error: disable`, and out of quarantine at once. */
  reset(name: string, by: Actor): Promise<void>;
  /** Reads the configuration again and applies what changed. Rejects, and the running one stays, when it is not valid. */
  apply(by: Actor): Promise<ApplyReport>;
}
