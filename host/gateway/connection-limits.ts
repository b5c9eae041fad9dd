/** What a client may take its time for, and how much of it there may be. */
export interface ConnectionLimits {
  /** Time for a client to send its headers, in milliseconds. Default: 10,000. */
  readonly headersTimeoutMs: number;
  /** Time for a client to send a whole request, in milliseconds. Default: 30,000. */
  readonly requestTimeoutMs: number;
  /** An idle connection is kept for so long, in milliseconds. Default: 60,000. */
  readonly keepAliveTimeoutMs: number;
  /** Default: 16 KiB. */
  readonly maxHeaderBytes: number;
  /** Default: 4,096. */
  readonly maxConnections: number;
}

export const DEFAULT_LIMITS: ConnectionLimits = {
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 60_000,
  maxHeaderBytes: 16 * 1024,
  maxConnections: 4_096,
};
/** How often node looks for connections that are too slow. */
export const CHECK_CONNECTIONS_MS = 2_000;
