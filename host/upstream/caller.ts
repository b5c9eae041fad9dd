import type { JsonObject } from '@bulkhead/proto/json';

/** The client on whose behalf a request goes upstream; what the upstream asks while it works goes back to it. */
export interface Caller {
  /** Equal for all requests of one client session. */
  readonly key: string;
  /** Asks the client: sampling, elicitation, roots. Rejects with an RpcError when it cannot. */
  request(method: string, params: JsonObject | undefined, signal: AbortSignal): Promise<JsonObject>;
  /** Tells the client something that belongs to its request, for example a log message, if it wants to hear it. */
  notify(method: string, params: JsonObject | undefined): void;
}
