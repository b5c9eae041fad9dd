/** What a caller may say about one call, whatever carries it. */
export interface CallOptions {
  /** Time until the call fails with DEADLINE_EXCEEDED, in milliseconds. Default: the link's. */
  readonly timeoutMs?: number;
  /** Cancels the call; the other side is told. */
  readonly signal?: AbortSignal;
  /** W3C traceparent to send along. */
  readonly traceparent?: string;
}
