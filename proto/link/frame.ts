/** Above this a body does not cross whole: it would hold up every small call behind it. */
export const MAX_WHOLE_BODY_BYTES = 64 * 1024;

/** Calls of one side that may be under way at once: it makes no more, and the other side takes no more. */
export const MAX_CALLS_UNDER_WAY = 4_096;

/** One side asks. `method` is an index into the other side's methods, agreed in Handshake. */
export interface LinkCall {
  readonly id: number;
  readonly method: number;
  /** 0: the callee's default. */
  readonly timeoutMs: number;
  /** Empty: none. */
  readonly traceparent: string;
  readonly body: Uint8Array;
  /** Bytes of the body that follow in parts. */
  readonly rest: number;
}

/** One side answers. `status` is a gRPC status code. */
export interface LinkReply {
  readonly id: number;
  readonly status: number;
  readonly message: string;
  /** An encoded bulkhead.v1.ErrorDetail, or empty. */
  readonly detail: Uint8Array;
  readonly body: Uint8Array;
  /** Bytes of the body that follow in parts. */
  readonly rest: number;
}

/** Carries on the body of a call, or of an answer, that said that more would come. */
export interface LinkPart {
  readonly id: number;
  readonly ofReply: boolean;
  readonly body: Uint8Array;
}

/** The Frame message of link.proto. */
export interface Frame {
  readonly calls: readonly LinkCall[];
  readonly replies: readonly LinkReply[];
  readonly cancels: readonly number[];
  readonly parts: readonly LinkPart[];
}
