/** One side asks. `method` is an index into the other side's methods, agreed in Handshake. */
export interface LinkCall {
  readonly id: number;
  readonly method: number;
  /** 0: the callee's default. */
  readonly timeoutMs: number;
  /** Empty: none. */
  readonly traceparent: string;
  readonly body: Uint8Array;
}

/** One side answers. `status` is a gRPC status code. */
export interface LinkReply {
  readonly id: number;
  readonly status: number;
  readonly message: string;
  /** An encoded bulkhead.v1.ErrorDetail, or empty. */
  readonly detail: Uint8Array;
  readonly body: Uint8Array;
}

/** The Frame message of link.proto. */
export interface Frame {
  readonly calls: readonly LinkCall[];
  readonly replies: readonly LinkReply[];
  readonly cancels: readonly number[];
}
