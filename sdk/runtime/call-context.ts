import { parseJson, type JsonObject } from '@bulkhead/proto/json';
import { isPlainObject, type HeaderMap, type User } from '@bulkhead/proto/rules';
import type { InvokeRequest } from '@bulkhead/proto/plugin';
import type { HookContext, KeptValues, Outcome } from '../hook-context.js';
import type { Logger } from '../logger.js';
import { violationFromWire } from './wire-violation.js';
import type { InFlight } from './in-flight.js';
import type { IncomingCall } from './incoming.js';
import { CallValues, createWritten } from './kept-values.js';
import { PluginLogger, type LogTarget } from './plugin-log.js';

/** What every call of a process shares. */
export interface CallEnvironment {
  readonly logTarget: LogTarget;
  readonly inFlight: InFlight;
  /** Deadline of a call whose caller said none, in milliseconds; 0 for none. */
  readonly defaultTimeoutMs: number;
  /** Largest answer that the host takes; 0 when it said none. */
  readonly maxMessageBytes: number;
  /** The configuration that setup got, or that of an operator's binding. */
  configFor(bindingJson: string): unknown;
}

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
const optional = (text: string | undefined): string | undefined => (text === '' ? undefined : text);

/** The context of one call. Everything is made when it is first asked for; most handlers ask for little. */
export class CallContextView implements HookContext<unknown> {
  readonly #request: RequestSource;
  readonly #incoming: IncomingCall;
  readonly #environment: CallEnvironment;
  readonly #deadlineMonotonic: number;
  #writes: CallWrites | undefined;
  #log: Logger | undefined;

  constructor(request: RequestSource, incoming: IncomingCall, environment: CallEnvironment) {
    this.#request = request;
    this.#incoming = incoming;
    this.#environment = environment;
    const timeoutMs = incoming.timeoutMs || environment.defaultTimeoutMs;
    this.#deadlineMonotonic =
      timeoutMs === 0 ? Infinity : environment.logTarget.clock.monotonic() + timeoutMs;
  }

  get requestId(): string {
    return this.#request.message.context?.requestId ?? '';
  }

  get tenantId(): string | undefined {
    return optional(this.#request.message.context?.tenantId);
  }

  get serverId(): string | undefined {
    return optional(this.#request.message.context?.serverId);
  }

  get appId(): string | undefined {
    return optional(this.#request.message.context?.appId);
  }

  get contentType(): string | undefined {
    return optional(this.#request.message.context?.contentType);
  }

  get user(): User | undefined {
    const user = this.#request.message.context?.user;
    if (user === undefined) return undefined;
    return {
      id: user.id,
      ...(user.email === '' ? {} : { email: user.email }),
      ...(user.team === '' ? {} : { team: user.team }),
      ...(user.groups.length === 0 ? {} : { groups: user.groups }),
      ...(user.roles.length === 0 ? {} : { roles: user.roles }),
    };
  }

  get headers(): HeaderMap {
    return this.#request.message.context?.headers ?? NOTHING;
  }

  get claims(): JsonObject | undefined {
    const text = this.#request.message.context?.claimsJson ?? '';
    return text === '' ? undefined : toObject(parseJson(text));
  }

  get traceparent(): string | undefined {
    return optional(this.#request.message.context?.traceparent) ?? optional(this.#incoming.traceparent);
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

  get signal(): AbortSignal {
    return this.#incoming.signal;
  }

  get deadline(): number {
    return this.#environment.logTarget.clock.now() + this.#leftMs();
  }

  get remainingMs(): number {
    return Math.max(0, this.#leftMs());
  }

  get log(): Logger {
    return (this.#log ??= new PluginLogger(this.#environment.logTarget, this.requestId));
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

  get config(): unknown {
    return this.#environment.configFor(this.#request.message.context?.configJson ?? '');
  }

  /** What the handler of this context wrote; undefined when it did not even ask. */
  static writesOf(context: CallContextView): CallWrites | undefined {
    return context.#writes;
  }

  #written(): CallWrites {
    return (this.#writes ??= { state: createWritten(), shared: createWritten(), metadata: createWritten() });
  }

  #leftMs(): number {
    return this.#deadlineMonotonic - this.#environment.logTarget.clock.monotonic();
  }
}

function toObject(value: unknown): JsonObject | undefined {
  return isPlainObject(value) ? (value as JsonObject) : undefined;
}
