import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { JsonText, parseJson, type JsonObject } from '@bulkhead/proto/json';
import { checkPayload, parsePayload, type Payload } from '@bulkhead/proto/rules';
import type { Clock } from '../clock.js';
import { bytesAbove } from './answer.js';
import { CallContexts, sampledTraceparent } from './call-context.js';
import { assertFits } from './custom-hooks.js';
import type { HookPlan, Step } from './hook-index.js';
import type { HostViolation, InvokeOptions, PluginRecord, RequestContext } from './invocation.js';
import { Snapshot } from './snapshot.js';

/** Why the pipeline stopped. */
export interface Refusal {
  readonly refusal: 'denied' | 'failed';
  readonly violation: HostViolation;
}

/** One invoke on its way through the phases. */
export class HookCall {
  readonly plan: HookPlan;
  readonly requestId: string;
  /** What the request's state is kept under. */
  readonly stateKey: string;
  readonly context: RequestContext;
  readonly contexts: CallContexts;
  readonly signal: AbortSignal | undefined;
  /** On the clock's monotonic scale; Infinity when the caller set none. */
  readonly deadline: number;
  readonly traceparent: string | undefined;
  readonly records: PluginRecord[] = [];
  readonly changedBy: string[] = [];
  readonly metadata: Record<string, JsonObject> = {};
  readonly #given: Payload;
  readonly #clock: Clock;
  #checked: Promise<void> | undefined;
  #first: Snapshot | undefined;
  #current: Snapshot | undefined;

  /** @throws BulkheadError INVALID_PAYLOAD, PAYLOAD_TOO_LARGE */
  constructor(
    plan: HookPlan,
    payload: unknown,
    requestId: string,
    context: RequestContext,
    options: InvokeOptions | undefined,
    clock: Clock,
  ) {
    this.plan = plan;
    this.requestId = requestId;
    this.stateKey = stateKeyOf(requestId, context.stateScope);
    this.context = context;
    this.contexts = new CallContexts(requestId, context);
    this.signal = options?.signal;
    this.#clock = clock;
    this.deadline = options?.timeoutMs === undefined ? Infinity : clock.monotonic() + options.timeoutMs;
    this.traceparent = sampledTraceparent(context.traceparent);
    // A payload that some plugin surely sees is checked as it is put into travelling form; it need not be checked twice.
    if (plan.certain || plan.check !== undefined) {
      this.#given = payload as Payload;
      this.snapshot();
    } else this.#given = checkPayload(plan.spec, payload);
  }

  /** Settles when the payload is known to be good; undefined when it is already. */
  get checked(): Promise<void> | undefined {
    return this.#checked;
  }

  /** The payload as it stands now, for conditions; nothing is converted for it. */
  get seen(): Payload {
    return this.#current?.payload ?? this.#given;
  }

  /** The payload in travelling form; limits are checked when the first plugin needs it, so before any plugin runs. */
  snapshot(): Snapshot {
    if (this.#current !== undefined) return this.#current;
    const { plan } = this;
    const payload = parsePayload(plan.spec, this.#given);
    if (plan.busy) assertWithinLimit(plan, payload);
    if (plan.check !== undefined)
      this.#checked = assertFits(plan.check, payload, (fault) => misfit(plan, fault));
    this.#first = this.#current = new Snapshot(plan.spec, plan.withoutHeaders, payload);
    return this.#current;
  }

  change(plugin: string, payload: Payload): void {
    this.#current = this.snapshot().next(payload);
    if (!this.changedBy.includes(plugin)) this.changedBy.push(plugin);
  }

  runsNow(step: Step): boolean {
    return step.matches === undefined || step.matches(this.seen, this.context);
  }

  /** What is left of the caller's own time; at most `timeoutMs`. */
  timeLeft(timeoutMs: number): number {
    return this.deadline === Infinity
      ? timeoutMs
      : Math.min(timeoutMs, this.deadline - this.#clock.monotonic());
  }

  /** @throws BulkheadError CANCELLED, DEADLINE_EXCEEDED when nobody waits for the answer any more */
  assertAwaited(): void {
    if (this.signal?.aborted === true) throw this.cancelled();
    if (this.deadline !== Infinity && this.deadline <= this.#clock.monotonic()) throw this.expired();
  }

  cancelled(): BulkheadError {
    return new BulkheadError(ErrorCode.CANCELLED, `${this.plan.spec.name}: the caller cancelled the call`);
  }

  expired(cause?: unknown): BulkheadError {
    return new BulkheadError(
      ErrorCode.DEADLINE_EXCEEDED,
      `${this.plan.spec.name}: the caller's own deadline passed`,
      {
        cause,
        retryable: true,
      },
    );
  }

  /** The payload for the caller: its own object when nothing changed, else a copy in which a JSON field comes as it was given. */
  result(): Payload {
    const first = this.#first?.payload;
    const last = this.#current?.payload;
    if (first === undefined || last === undefined || first === last) return this.#given;
    const result: Record<string, unknown> = { ...this.#given };
    const asText = Object.values(this.#given).some((value) => value instanceof JsonText);
    for (const name of Object.keys(last)) {
      const value = last[name];
      if (value === first[name]) continue;
      const given = this.#given[name];
      const keepText = given === undefined ? asText : given instanceof JsonText;
      result[name] = value instanceof JsonText && !keepText ? parseJson(value.text) : value;
    }
    return result;
  }
}

function misfit({ spec }: HookPlan, fault: string): BulkheadError {
  return new BulkheadError(ErrorCode.INVALID_PAYLOAD, `payload of ${spec.name}: ${fault}`);
}

function assertWithinLimit(plan: HookPlan, payload: Payload): void {
  for (const name in payload) {
    const value = payload[name];
    if (!(value instanceof JsonText)) continue;
    const bytes = bytesAbove(value.text, plan.maxFieldBytes);
    if (bytes !== undefined) {
      throw new BulkheadError(
        ErrorCode.PAYLOAD_TOO_LARGE,
        `payload of ${plan.spec.name}: '${name}' is ${String(bytes)} bytes of JSON; the limit is ${String(plan.maxFieldBytes)}, which limits.max_payload_bytes raises`,
        { field: name },
      );
    }
  }
}

/** A request id holds no space, so no id in one scope equals another in another. */
export function stateKeyOf(requestId: string, scope: string | undefined): string {
  return scope === undefined ? requestId : `${requestId} ${scope}`;
}
