import type { InvokeRequest, PipelineOutcome } from '@bulkhead/proto/plugin';
import { BulkheadError } from '@bulkhead/proto';
import type { Clock } from '../clock.js';
import type { HookCall } from './hook-call.js';
import type { Step } from './hook-index.js';
import { observe } from './observing-run.js';
import type { DispatchParts } from './parts.js';
import {
  ALLOWED,
  createRecord,
  createRequest,
  failedRun,
  noteFailure,
  type RunReport,
} from './run-plugin.js';
import type { Snapshot } from './snapshot.js';

/** One fire_and_forget run that waits for its turn. */
interface Job {
  readonly call: HookCall;
  readonly snapshot: Snapshot;
  readonly outcome: PipelineOutcome;
  readonly bytes: number;
}

/** Waiting runs of one registration; one more is dropped and counted. */
const MAX_QUEUED = 10_000;
/** Payload bytes that wait for one registration. */
const MAX_QUEUED_BYTES = 64 * 1024 * 1024;
/** Payload bytes of one batch: all of a larger one would be lost to the link's limit on a message. */
const MAX_BATCH_BYTES = 1024 * 1024;
/** Runs (or batches) of one registration under way at once. */
const MAX_IN_FLIGHT = 32;

interface Lane {
  readonly step: Step;
  readonly queue: Job[];
  bytes: number;
  inFlight: number;
  /** Set while a batch waits to fill. */
  cancelTimer: (() => void) | undefined;
  /** The batch has waited long enough. */
  due: boolean;
}

/**
 * Runs that nobody waits for: fire_and_forget plugins, and audit runs past their budget. Bounded in number and bytes.
 * The state of a request stays until its last background run has ended.
 */
export class BackgroundWork {
  readonly #clock: Clock;
  readonly #lanes = new Map<Step, Lane>();
  // Requests with background runs to come; `ended`: the outermost answer was given meanwhile.
  readonly #requests = new Map<string, { runs: number; ended: boolean }>();
  #tracked = 0;
  #dropped = 0;
  #draining = false;
  #idle: (() => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Runs that were dropped at a bound, ever. */
  get dropped(): number {
    return this.#dropped;
  }

  get idle(): boolean {
    return this.#tracked === 0 && this.#lanes.size === 0;
  }

  enqueue(
    parts: DispatchParts,
    call: HookCall,
    step: Step,
    snapshot: Snapshot,
    outcome: PipelineOutcome,
  ): void {
    let lane = this.#lanes.get(step);
    if (lane === undefined) {
      lane = { step, queue: [], bytes: 0, inFlight: 0, cancelTimer: undefined, due: false };
      this.#lanes.set(step, lane);
    }
    const bytes = snapshot.bytes(step.view).length;
    if (lane.queue.length >= MAX_QUEUED || lane.bytes + bytes > MAX_QUEUED_BYTES) {
      this.#drop(parts, step);
      return;
    }
    lane.queue.push({ call, snapshot, outcome, bytes });
    lane.bytes += bytes;
    const request = this.#requests.get(call.stateKey);
    if (request === undefined) this.#requests.set(call.stateKey, { runs: 1, ended: false });
    else request.runs++;
    this.#advance(parts, lane);
  }

  /** Counts work that goes on after its caller was answered, so that drain waits for it. */
  track(work: Promise<void>): void {
    this.#tracked++;
    const done = (): void => {
      this.#tracked--;
      this.#signalIdle();
    };
    void work.then(done, done);
  }

  /** @returns whether the request's state may go now; else it goes with the last background run */
  endRequest(stateKey: string): boolean {
    const request = this.#requests.get(stateKey);
    if (request === undefined) return true;
    request.ended = true;
    return false;
  }

  /** Sends waiting batches and waits until everything has ended, at most `timeoutMs`. */
  async drain(parts: DispatchParts, timeoutMs: number): Promise<void> {
    this.#draining = true;
    for (const lane of this.#lanes.values()) this.#advance(parts, lane);
    await new Promise<void>((resolve) => {
      if (this.idle) {
        resolve();
        return;
      }
      const cancel = this.#clock.after(timeoutMs, resolve);
      this.#idle.push(() => {
        cancel();
        resolve();
      });
    });
    this.#draining = false;
  }

  #drop(parts: DispatchParts, step: Step): void {
    this.#dropped++;
    const plugin = step.port.name;
    parts.warnings.warn(
      `background ${plugin}`,
      { plugin, hook: step.registration.hook, dropped: this.#dropped },
      'fire_and_forget run dropped: the plugin is slower than its hook is called',
    );
  }

  #advance(parts: DispatchParts, lane: Lane): void {
    const { batch } = lane.step.registration;
    while (lane.queue.length > 0 && lane.inFlight < MAX_IN_FLIGHT) {
      if (batch !== undefined && lane.queue.length < batch.max && !lane.due && !this.#draining) {
        lane.cancelTimer ??= this.#clock.after(batch.maxWaitMs, () => {
          lane.cancelTimer = undefined;
          lane.due = true;
          this.#advance(parts, lane);
        });
        return;
      }
      lane.cancelTimer?.();
      lane.cancelTimer = undefined;
      const wanted = Math.min(lane.queue.length, batch?.max ?? 1);
      const jobs = lane.queue.splice(0, sizeOfNext(lane.queue, wanted));
      // What the batch had no room for has waited as long.
      lane.due = lane.due && jobs.length < wanted;
      for (const job of jobs) lane.bytes -= job.bytes;
      lane.inFlight++;
      const run = batch === undefined ? runOne(parts, lane.step, jobs) : runBatch(parts, lane.step, jobs);
      void run.finally(() => {
        lane.inFlight--;
        for (const { call } of jobs) this.#ended(parts, call.stateKey);
        this.#advance(parts, lane);
        if (lane.queue.length === 0 && lane.inFlight === 0) {
          this.#lanes.delete(lane.step);
          this.#signalIdle();
        }
      });
    }
  }

  #ended(parts: DispatchParts, stateKey: string): void {
    const request = this.#requests.get(stateKey);
    if (request === undefined || --request.runs > 0) return;
    this.#requests.delete(stateKey);
    if (request.ended) parts.state.end(stateKey);
  }

  #signalIdle(): void {
    if (!this.idle) return;
    const waiting = this.#idle;
    this.#idle = [];
    for (const resolve of waiting) resolve();
  }
}

/** How many of the first jobs go together: one at least. */
function sizeOfNext(queue: readonly Job[], wanted: number): number {
  let bytes = queue[0]?.bytes ?? 0;
  let count = 1;
  for (; count < wanted; count += 1) {
    bytes += queue[count]?.bytes ?? 0;
    if (bytes > MAX_BATCH_BYTES) break;
  }
  return count;
}

async function runOne(parts: DispatchParts, step: Step, jobs: readonly Job[]): Promise<void> {
  for (const { call, snapshot, outcome } of jobs) {
    parts.onRecord((await observe(parts, call, step, snapshot, outcome)).record);
  }
}

/** One call for all; a batch gives no answers, so it either arrived or did not. */
async function runBatch(parts: DispatchParts, step: Step, jobs: readonly Job[]): Promise<void> {
  const started = parts.clock.monotonic();
  let report: RunReport = ALLOWED;
  try {
    const requests = jobs.map(({ call, snapshot, outcome }): InvokeRequest =>
      createRequest(parts, call, step, snapshot, outcome),
    );
    await step.port.invokeBatch(requests, { timeoutMs: step.registration.timeoutMs });
  } catch (thrown) {
    const error = BulkheadError.from(thrown);
    const [first] = jobs;
    if (first !== undefined) noteFailure(parts, first.call, step, error);
    report = failedRun(error, 'allow');
  }
  const durationMs = parts.clock.monotonic() - started;
  for (const { call } of jobs) parts.onRecord(createRecord(call, step, report, durationMs));
}
