import type { JsonObject } from '@bulkhead/proto/json';
import type { Caller } from '../../upstream/caller.js';
import type { GatewayRequest } from '../gateway-request.js';
import type { Subscriptions } from './subscriptions.js';

/** One request of a client, with what is needed to answer and to ask back. */
export interface Downstream {
  readonly request: GatewayRequest;
  readonly caller: Caller;
  readonly signal: AbortSignal;
  /** Set when the client asked for progress. */
  readonly onProgress?: (params: JsonObject) => void;
  /** Absent where the protocol has no subscriptions by request (the era without sessions). */
  readonly subscriptions?: Subscriptions;
  readonly setLogLevel?: (level: string) => void;
}
