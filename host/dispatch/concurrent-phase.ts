import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { InvokeResponse } from '@bulkhead/proto/plugin';
import { readAnswer, readMetadata } from './answer.js';
import type { HookCall, Refusal } from './hook-call.js';
import type { Step } from './hook-index.js';
import type { DispatchParts } from './parts.js';
import {
  ALLOWED,
  addMetadata,
  askPlugin,
  createRecord,
  createRequest,
  failedRun,
  failureViolation,
  isCallersDeadline,
  isEmpty,
  keepState,
  noteFailure,
  skipped,
  type RunReport,
} from './run-plugin.js';
import type { Snapshot } from './snapshot.js';
import { NO_ENTRIES } from './state-store.js';

/** One plugin of the phase. */
interface Lane {
  readonly step: Step;
  /** Set when the run has ended. */
  report: RunReport | undefined;
  durationMs: number;
  response: InvokeResponse | undefined;
}

/**
 * The concurrent phase: all at once on the same payload, whose changes are discarded. The first denial, or the first
 * error of a guard, decides and cancels the siblings; nobody waits for those. Shared state is merged in priority
 * order when all have ended.
 *
 * @throws BulkheadError CANCELLED, DEADLINE_EXCEEDED when the caller waits no more
 */
export async function runConcurrent(
  parts: DispatchParts,
  call: HookCall,
  steps: readonly Step[],
): Promise<Refusal | undefined> {
  const due = steps.filter((step) => call.runsNow(step));
  if (due.length === 0) return undefined;
  call.assertAwaited();
  const snapshot = call.snapshot();
  const started = parts.clock.monotonic();
  const lanes = due.map((step): Lane => {
    const report = parts.rotation.isOut(step.port.name) ? skipped(ErrorCode.PLUGIN_UNAVAILABLE) : undefined;
    return { step, report, durationMs: 0, response: undefined };
  });
  const controller = new AbortController();
  const abort = (): void => {
    controller.abort();
  };
  call.signal?.addEventListener('abort', abort, { once: true });
  try {
    return await firstRefusal(
      lanes
        .filter((lane) => lane.report === undefined)
        .map((lane) => runLane(parts, call, lane, snapshot, controller.signal)),
    );
  } finally {
    call.signal?.removeEventListener('abort', abort);
    // Only where there is somebody to tell: an abort costs more than a call.
    if (lanes.some((lane) => lane.report === undefined)) controller.abort();
    for (const lane of lanes) close(parts, call, lane, parts.clock.monotonic() - started);
  }
}

/** Resolves with the first refusal to come, or with undefined when all have ended without one. */
function firstRefusal(runs: readonly Promise<Refusal | undefined>[]): Promise<Refusal | undefined> {
  return new Promise((resolve, reject) => {
    for (const run of runs) {
      void run.then((refusal) => {
        if (refusal !== undefined) resolve(refusal);
      }, reject);
    }
    void Promise.all(runs).then(() => {
      resolve(undefined);
    }, reject);
  });
}

async function runLane(
  parts: DispatchParts,
  call: HookCall,
  lane: Lane,
  snapshot: Snapshot,
  signal: AbortSignal,
): Promise<Refusal | undefined> {
  const { step } = lane;
  const started = parts.clock.monotonic();
  const timeoutMs = call.timeLeft(step.registration.timeoutMs);
  try {
    const request = createRequest(parts, call, step, snapshot, undefined);
    const response = await askPlugin(parts, call, step, request, timeoutMs, signal);
    if (signal.aborted) return undefined;
    const answer = readAnswer(call.plan, step.port.name, response);
    if (!isEmpty(response.metadata)) {
      addMetadata(call, step, readMetadata(call.plan.spec, response.metadata).values);
    }
    keepState(parts, call, step, response, NO_ENTRIES);
    lane.response = response;
    lane.durationMs = parts.clock.monotonic() - started;
    if (answer.kind === 'deny') {
      lane.report = { ...ALLOWED, requested: 'deny', effective: 'deny', code: answer.violation.code };
      return { refusal: 'denied', violation: answer.violation };
    }
    lane.report =
      answer.kind === 'allow' ? ALLOWED : { ...ALLOWED, requested: 'modify', dropped: answer.changed };
    return undefined;
  } catch (thrown) {
    if (call.signal?.aborted === true) throw call.cancelled();
    if (signal.aborted) return undefined;
    const error = BulkheadError.from(thrown);
    lane.durationMs = parts.clock.monotonic() - started;
    if (isCallersDeadline(call, step, error, timeoutMs)) {
      lane.report = failedRun(error, 'allow');
      throw call.expired(error);
    }
    noteFailure(parts, call, step, error);
    lane.report = failedRun(error, step.guards ? 'deny' : 'allow');
    return step.guards ? { refusal: 'failed', violation: failureViolation(step, error) } : undefined;
  }
}

/** Merges what the plugin shared and writes its record; one that has not ended was cancelled. */
function close(parts: DispatchParts, call: HookCall, lane: Lane, elapsedMs: number): void {
  const { step, response } = lane;
  if (response !== undefined && !isEmpty(response.shared)) {
    try {
      parts.state.write(call.stateKey, step.port.name, NO_ENTRIES, response.shared);
    } catch (error) {
      noteFailure(parts, call, step, BulkheadError.from(error));
    }
  }
  const ended = lane.report !== undefined;
  const record = createRecord(
    call,
    step,
    lane.report ?? skipped(ErrorCode.CANCELLED),
    ended ? lane.durationMs : elapsedMs,
  );
  call.records.push(record);
  parts.onRecord(record);
}
