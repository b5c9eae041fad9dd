import type { InvokeOptions, InvokeResult, RequestContext } from './invocation.js';

/** All that the gateway and tools know of the pipeline. The real one is dispatch's; a test passes a plain object. */
export interface HookPort {
  /** Every hook that can be invoked. */
  hooks(): Iterable<string>;
  /** Whether any plugin may run on it; when not, nobody builds a payload. */
  listens(hook: string): boolean;
  /** @throws BulkheadError UNKNOWN_HOOK, INVALID_PAYLOAD, PAYLOAD_TOO_LARGE, CANCELLED, SHUTTING_DOWN */
  invoke(
    hook: string,
    payload: Readonly<Record<string, unknown>>,
    context?: RequestContext,
    options?: InvokeOptions,
  ): Promise<InvokeResult>;
  /** The outermost answer of this request is out: its state can go. */
  endRequest(requestId: string, stateScope: string): void;
}
