import type { CallOptions } from '@bulkhead/proto/link';
import type { Permissions } from '@bulkhead/proto/rules/schema';
import type { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Declared } from '@bulkhead/proto/rules';
import type { RemotePlugin } from '../config/remote-address.js';
import type { CheckHealthResponse, HandshakeResponse, InitializeResponse } from '@bulkhead/proto/plugin';

/** What a sandbox opens; see `PluginConfig.granted`, from where it comes. */
export type Reach = Pick<Permissions, 'network' | 'filesystem' | 'subprocess'>;

/** Everything needed to start one plugin process. Nothing else of the host reaches it. */
export interface LaunchDescription {
  /** The configured entry's name, for logs. */
  readonly name: string;
  readonly id: string;
  readonly version: string;
  /** Program and arguments, absolute paths. */
  readonly command: readonly [file: string, ...args: string[]];
  /** It runs elsewhere and is connected to; command, directory, environment and sandbox do not matter then. */
  readonly remote?: RemotePlugin;
  /** Whether that program is Node; another one gets the system's folders in a sandbox, because nobody knows what it needs. Default: node. */
  readonly runtime?: 'node' | 'other';
  /** Working directory: the plugin's package root. */
  readonly cwd: string;
  /** Variables that an operator named; added to the scrubbed environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly network: 'unix' | 'tcp';
  /** mTLS on the plugin's socket; `auto`: where the wall leaves others a way to it. Always on over TCP. */
  readonly mtls: boolean | 'auto';
  /** Directories besides its package that the program reads: the SDK, say. Absolute. */
  readonly readOnlyPaths?: readonly string[];
  /** The package is under development, and its dependencies may be links out of it: what they lead to is read too. */
  readonly followLinks?: boolean;
  /** What it may use up. Absent: what the machine has. */
  readonly limits?: ResourceLimits;
  /** Time from spawn to ready, in milliseconds. */
  readonly startTimeoutMs: number;
  /** Bounds of the stop ladder, in milliseconds each. */
  readonly drainTimeoutMs: number;
  readonly termTimeoutMs: number;
  readonly killTimeoutMs: number;
  readonly callTimeoutMs: number;
  readonly maxMessageBytes: number;
  /** Empty when the process comes without a manifest. */
  readonly manifestJson: string;
  /** What the manifest declares; the process must register just that. Absent without a manifest. */
  readonly declared?: Declared;
  readonly configJson: string;
  readonly grantedScopes: readonly string[];
  /** Names of the secrets that it may read. Absent: none. */
  readonly grantedSecrets?: readonly string[];
  /** What of the world outside its package it may reach. Absent: nothing. */
  readonly reach?: Reach;
  /** Names, addresses and ranges outside the public internet that an operator opened to what `reach` grants. Absent: none. */
  readonly networkPrivate?: readonly string[];
  /** How many processes of its entry may run at once, each with what it starts: replicas, those that replace them, and programs that it contributes. Default: 1. */
  readonly atOnce?: number;
  readonly maxInFlight: number;
  readonly logLevel: string;
  /** The entry's own directory (Initialize.data_dir): made by the supervisor, mode 0700, kept over restarts and versions. Absent: none. */
  readonly dataDir?: string;
}

/** Bounds of one plugin process and all that it starts. */
export interface ResourceLimits {
  /** Memory of its own, without what it shares with other processes' files. */
  readonly memoryBytes?: number;
  /** Processes and threads. */
  readonly processes?: number;
  /** Processors. */
  readonly cpu?: number;
  /** Open files of one process. */
  readonly openFiles?: number;
  /** Its data directory and its launch directory together, on disk. */
  readonly diskBytes?: number;
}

/** How a process ended. */
export interface ExitReport {
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** Why the host ended it, when it did. */
  readonly reason?: string;
  /** Set when a limit ended it, whoever saw that: OUT_OF_MEMORY, LIMIT_EXCEEDED. */
  readonly code?: ErrorCode;
  /** The last lines that it logged, oldest first, at most 50. */
  readonly lastLines: readonly string[];
}

/** One running, initialized plugin process. */
export interface Sidecar {
  /** 0 when the process is not the host's own. */
  readonly pid: number;
  readonly handshake: HandshakeResponse;
  readonly initialized: InitializeResponse;
  /** From spawn to ready, in milliseconds. */
  readonly startMs: number;
  /** Calls that the host made and that are not answered yet. */
  readonly inFlight: number;
  /** Settles when the process is gone; never rejects. */
  readonly exited: Promise<ExitReport>;
  /** Settles when calls can no longer reach the process: link broken, process gone; never rejects. */
  readonly lost: Promise<BulkheadError>;
  /** One unary call. `path` is the full method path, for example `/bulkhead.plugin.v1.HookService/Invoke`. */
  call(path: string, body: Uint8Array, options?: CallOptions): Promise<Uint8Array>;
  health(timeoutMs: number): Promise<CheckHealthResponse>;
  /** Shutdown RPC, SIGTERM, SIGKILL to the whole group; resolves within the sum of the three bounds. */
  stop(reason: string): Promise<ExitReport>;
  /** SIGKILL to the whole group at once. */
  kill(reason: string): Promise<ExitReport>;
}

/** Starts a process and brings it to ready, or rejects with a typed error after cleaning up everything. */
export type Launch = (description: LaunchDescription, signal?: AbortSignal) => Promise<Sidecar>;
