import type { Notice } from '../config/config.js';
import type { Mode } from '../manifest/manifest.js';

/** What a running daemon tells of itself; the JSON of `bulkhead status --json` and of the control socket. */
export interface DaemonStatus {
  readonly version: string;
  readonly pid: number;
  readonly node: string;
  readonly environment: string;
  readonly config_file: string;
  readonly data_dir: string;
  /** ISO 8601. */
  readonly started_at: string;
  readonly uptime_ms: number;
  readonly readiness: Readiness;
  readonly listen: { readonly data: string; readonly control: string };
  /** The wall around plugin processes, and why this one; absent until it is chosen. */
  readonly sandbox?: {
    readonly kind: 'strict' | 'basic' | 'off';
    readonly why: string;
    /** Whom plugins run as, where root runs the host. */
    readonly users?: string;
    /** Plugins that run as root, although each should have a user of its own. */
    readonly exceptions: readonly { readonly plugin: string; readonly why: string }[];
  };
  /** Where the host keeps things; `reason` while that does not answer. */
  readonly store: { readonly engine: 'sqlite' | 'postgres'; readonly reason?: string };
  readonly plugins: readonly PluginStatus[];
  readonly upstreams: readonly UpstreamStatus[];
  readonly notices: readonly Notice[];
}

export interface Readiness {
  /** `ready`: the store answers, every enabled plugin and upstream serves. `draining`: going down. */
  readonly state: 'ready' | 'not_ready' | 'draining';
  /** Guards that are down: what they guard is refused. */
  readonly guards_down: readonly string[];
  /** Everything that does not serve and should, guards too: `store`, `plugin pii_filter`, `upstream everything`. */
  readonly waiting_for: readonly string[];
}

export interface PluginStatus {
  /** The configured entry's name. */
  readonly name: string;
  readonly id: string;
  readonly version: string;
  /** Where it is installed, absolute. */
  readonly directory: string;
  readonly mode: Mode;
  /** Refuses what it guards while it is down. */
  readonly guard: boolean;
  readonly enabled: boolean;
  /** installed, starting, ready, draining, stopped, failed, quarantined; `disabled` when not enabled. */
  readonly state: string;
  readonly health: string;
  readonly pids: readonly number[];
  readonly restarts: number;
  readonly in_flight: number;
  /** Why it is not ready, or not healthy. */
  readonly reason?: string;
  readonly hooks: readonly HookStatus[];
}

export interface HookStatus {
  readonly hook: string;
  readonly mode: Mode;
  readonly priority: number;
  readonly timeout_ms: number;
}

export interface UpstreamStatus {
  readonly name: string;
  readonly transport: string;
  readonly state: string;
  readonly reason?: string;
}

/** What applying a configuration changed, by plugin. */
export interface ApplyReport {
  readonly started: readonly string[];
  readonly stopped: readonly string[];
  readonly reloaded: readonly string[];
  /** Changed without touching a process. */
  readonly updated: readonly string[];
  readonly failed: readonly { readonly name: string; readonly reason: string }[];
  /** Sections that changed and hold from now on. */
  readonly sections: readonly string[];
  /** Sections that changed and take effect only at the next start. */
  readonly needs_restart: readonly string[];
  readonly notices: readonly Notice[];
}
