import type { InvokeResponse } from '@bulkhead/proto/plugin';

/** Requests whose values are kept; the oldest goes first. */
const MAX_REQUESTS = 10_000;

export interface RequestTexts {
  readonly state: Record<string, string>;
  readonly shared: Record<string, string>;
}

/** State and shared values by request id, as JSON texts: what the host keeps between the hooks of one request. */
export class RequestValues {
  readonly #requests = new Map<string, RequestTexts>();

  of(requestId: string): RequestTexts {
    return this.#requests.get(requestId) ?? { state: {}, shared: {} };
  }

  /** Takes over what an answer wrote. */
  keep(requestId: string, response: InvokeResponse): RequestTexts {
    const before = this.of(requestId);
    const after = {
      state: merge(before.state, response.state),
      shared: merge(before.shared, response.shared),
    };
    this.#requests.set(requestId, after);
    const oldest = this.#requests.keys().next();
    if (this.#requests.size > MAX_REQUESTS && oldest.done !== true) this.#requests.delete(oldest.value);
    return after;
  }
}

/** An empty text removes its entry. */
function merge(
  before: Readonly<Record<string, string>>,
  written: Readonly<Record<string, string>>,
): Record<string, string> {
  return Object.fromEntries(Object.entries({ ...before, ...written }).filter(([, text]) => text !== ''));
}
