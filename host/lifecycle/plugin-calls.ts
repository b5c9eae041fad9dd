import type { BulkheadError } from '@bulkhead/proto';
import type { InvokeRequest, InvokeResponse } from '@bulkhead/proto/plugin';
import type { Clock } from '../clock.js';
import { CallQueue } from './call-queue.js';
import type { PortOptions, ServingProcess } from './serving-process.js';

/** How a plugin is called; dispatch's PluginPort is this with what the configuration knows beside it. */
export interface LifecyclePort {
  readonly name: string;
  /** Whether a call would find a process. */
  readonly serving: boolean;
  /**
   * Runs one hook on the least loaded process. Rejects at once with PLUGIN_UNAVAILABLE when there is none and with
   * PLUGIN_OVERLOADED when too many calls wait; otherwise as the link does. Waiting counts against the deadline.
   */
  invoke(request: InvokeRequest, options: PortOptions): Promise<InvokeResponse>;
  invokeBatch(requests: readonly InvokeRequest[], options: PortOptions): Promise<void>;
  /** Any other unary RPC of the plugin, under the same limits. `path` is the full method path, `body` the encoded request. */
  call(path: string, body: Uint8Array, options: PortOptions): Promise<Uint8Array>;
}

export interface CallLimits {
  /** Calls in flight on one process. */
  readonly maxInFlight: number;
  /** Calls that may wait beyond that, for all processes together. */
  readonly maxQueue: number;
}

/** Refusals that settle at once in one turn of the event loop; later ones wait for the next turn. */
const MAX_PROMPT_REFUSALS = 32;

/** The calls of one plugin: which processes take them, how many are in flight, and which wait. */
export class PluginCalls implements LifecyclePort {
  readonly name: string;
  #limits: CallLimits;
  #rotation: readonly ServingProcess[] = [];
  #turn = 0;
  #inFlight = 0;
  #refusals = 0;
  readonly #queue: CallQueue;
  readonly #unavailable: () => BulkheadError;

  /** @param unavailable the error of a call that finds no process */
  constructor(name: string, limits: CallLimits, clock: Clock, unavailable: () => BulkheadError) {
    this.name = name;
    this.#limits = limits;
    this.#queue = new CallQueue(name, clock);
    this.#unavailable = unavailable;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get queued(): number {
    return this.#queue.length;
  }

  /** Whether a call would find a process. */
  get serving(): boolean {
    return this.#rotation.length > 0;
  }

  invoke(request: InvokeRequest, options: PortOptions): Promise<InvokeResponse> {
    const process = this.#place();
    if (process !== undefined) return process.invoke(request, options);
    return this.#wait((later, left) => later.invoke(request, left), options);
  }

  invokeBatch(requests: readonly InvokeRequest[], options: PortOptions): Promise<void> {
    const process = this.#place();
    if (process !== undefined) return process.invokeBatch(requests, options);
    return this.#wait((later, left) => later.invokeBatch(requests, left), options);
  }

  call(path: string, body: Uint8Array, options: PortOptions): Promise<Uint8Array> {
    const process = this.#place();
    if (process !== undefined) return process.call(path, body, options);
    return this.#wait((later, left) => later.call(path, body, left), options);
  }

  setLimits(limits: CallLimits): void {
    this.#limits = limits;
    this.#feed();
  }

  /** Says which processes take calls from now on. Without any, those that wait fail. */
  setRotation(rotation: readonly ServingProcess[]): void {
    this.#rotation = rotation;
    if (rotation.length > 0) this.#feed();
    else this.#queue.fail(this.#unavailable);
  }

  /** To be called whenever a call has ended, on whatever process. */
  readonly onRelease = (): void => {
    this.#inFlight -= 1;
    if (this.#queue.length > 0) this.#feed();
  };

  /** The least loaded process and a place among the calls in flight; undefined when the call must wait or fail. */
  #place(): ServingProcess | undefined {
    const process = this.#leastLoaded();
    if (process === undefined || process.inFlight >= this.#limits.maxInFlight) return undefined;
    this.#inFlight += 1;
    return process;
  }

  #leastLoaded(): ServingProcess | undefined {
    const rotation = this.#rotation;
    if (rotation.length <= 1) return rotation[0];
    // Begin at another one each time, so that equals take turns.
    this.#turn = (this.#turn + 1) % rotation.length;
    let best = rotation[this.#turn];
    for (const process of rotation) {
      if (best === undefined || process.inFlight < best.inFlight) best = process;
    }
    return best;
  }

  #wait<T>(
    call: (process: ServingProcess, left: PortOptions) => Promise<T>,
    options: PortOptions,
  ): Promise<T> {
    const { maxQueue } = this.#limits;
    if (this.#rotation.length === 0) return this.#refuse(this.#unavailable);
    if (this.#queue.length >= maxQueue) return this.#refuse(() => this.#queue.overloaded(maxQueue));
    return this.#queue.add(call, options);
  }

  /** A caller that asks again and again while it is refused must not keep the event loop from the rest of the host. */
  #refuse(reason: () => BulkheadError): Promise<never> {
    if (this.#refusals === 0) {
      setImmediate(() => {
        this.#refusals = 0;
      });
    }
    this.#refusals += 1;
    if (this.#refusals <= MAX_PROMPT_REFUSALS) return Promise.reject(reason());
    return new Promise((_resolve, reject) => {
      setImmediate(() => {
        reject(reason());
      });
    });
  }

  #feed(): void {
    while (this.#queue.length > 0) {
      const process = this.#place();
      if (process === undefined) return;
      if (!this.#queue.next(process)) this.#inFlight -= 1;
    }
  }
}
