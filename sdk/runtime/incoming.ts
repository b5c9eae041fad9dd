/** What a transport knows of a call. The link's own and a native RPC's have this shape. */
export interface IncomingCall {
  /** Time that the caller gives, in milliseconds; 0 when it said none. */
  readonly timeoutMs: number;
  /** W3C traceparent, or empty. */
  readonly traceparent: string;
  /** Fires when the caller no longer needs the answer. Made when first asked for. */
  readonly signal: AbortSignal;
}
