import type { CallContext, InvokeRequest } from '@bulkhead/proto/plugin';
import type { HookContext, KeptValues, Outcome } from '../hook-context.js';
import type { IncomingCall } from './incoming.js';
import { CallValues, createWritten } from './kept-values.js';
import { RequestView } from './request-context.js';
import { violationFromWire } from './wire-violation.js';
import type { CallEnvironment } from './work-context.js';

/** The request of a call; decoded when somebody asks. */
export interface RequestSource {
  readonly message: InvokeRequest;
}

/** What a handler wrote, as JSON text by name. */
export interface CallWrites {
  readonly state: Record<string, string>;
  readonly shared: Record<string, string>;
  readonly metadata: Record<string, string>;
}

const NOTHING: Readonly<Record<string, string>> = Object.freeze(createWritten());

/** The context of one hook's call. */
export class CallContextView extends RequestView implements HookContext<unknown> {
  readonly #request: RequestSource;
  #writes: CallWrites | undefined;

  constructor(request: RequestSource, incoming: IncomingCall, environment: CallEnvironment) {
    super(incoming, environment);
    this.#request = request;
  }

  get state(): KeptValues {
    return new CallValues(this.#request.message.state, this.#written().state, false);
  }

  get shared(): KeptValues {
    return new CallValues(this.#request.message.shared, this.#written().shared, true);
  }

  get metadata(): KeptValues {
    return new CallValues(NOTHING, this.#written().metadata, true);
  }

  get outcome(): Outcome | undefined {
    const outcome = this.#request.message.outcome;
    if (outcome === undefined) return undefined;
    return {
      allowed: outcome.allowed,
      ...(outcome.deniedBy === '' ? {} : { deniedBy: outcome.deniedBy }),
      ...(outcome.violation === undefined ? {} : { violation: violationFromWire(outcome.violation) }),
    };
  }

  /** What the handler of this context wrote; undefined when it did not even ask. */
  static writesOf(context: CallContextView): CallWrites | undefined {
    return context.#writes;
  }

  protected override request(): CallContext | undefined {
    return this.#request.message.context;
  }

  #written(): CallWrites {
    return (this.#writes ??= { state: createWritten(), shared: createWritten(), metadata: createWritten() });
  }
}
