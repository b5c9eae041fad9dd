import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { InvokeResponse } from '@bulkhead/proto/plugin';
import { applyAnswer, readAnswer, readMetadata, type AppliedAnswer, type PluginAnswer } from './answer.js';
import { awaitCheck } from './await-check.js';
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
  warnDropped,
  warnSuppressed,
  type RunReport,
} from './run-plugin.js';
import type { Snapshot } from './snapshot.js';

/**
 * The sequential and transform phases: one plugin after another, each on the payload as the one before left it.
 * Conditions look at that payload too, so a renamed tool is matched by its new name.
 *
 * @returns the refusal that stops the pipeline
 * @throws BulkheadError CANCELLED, DEADLINE_EXCEEDED when the caller waits no more
 */
export async function runSerial(
  parts: DispatchParts,
  call: HookCall,
  steps: readonly Step[],
): Promise<Refusal | undefined> {
  for (const step of steps) {
    if (!call.runsNow(step)) continue;
    if (parts.rotation.isOut(step.port.name)) {
      record(parts, call, step, skipped(ErrorCode.PLUGIN_UNAVAILABLE), 0);
      continue;
    }
    call.assertAwaited();
    const started = parts.clock.monotonic();
    const timeoutMs = call.timeLeft(step.registration.timeoutMs);
    // Outside the try: a payload above its limit is the caller's fault, not the plugin's.
    const snapshot = call.snapshot();
    try {
      const request = createRequest(parts, call, step, snapshot, undefined);
      const response = await askPlugin(parts, call, step, request, timeoutMs, call.signal);
      const answer = readAnswer(call.plan, step.port.name, response);
      const applied = apply(call, step, snapshot, answer);
      if (applied?.checked !== undefined) await awaitCheck(call, applied.checked, parts.clock);
      const { report, refusal } = take(parts, call, step, response, answer, applied);
      record(parts, call, step, report, parts.clock.monotonic() - started);
      if (refusal !== undefined) return refusal;
    } catch (thrown) {
      const error = BulkheadError.from(thrown);
      const durationMs = parts.clock.monotonic() - started;
      if (call.signal?.aborted === true) {
        record(parts, call, step, skipped(ErrorCode.CANCELLED), durationMs);
        throw call.cancelled();
      }
      if (isCallersDeadline(call, step, error, timeoutMs)) {
        record(parts, call, step, failedRun(error, 'allow'), durationMs);
        throw call.expired(error);
      }
      noteFailure(parts, call, step, error);
      record(parts, call, step, failedRun(error, step.guards ? 'deny' : 'allow'), durationMs);
      if (step.guards) return { refusal: 'failed', violation: failureViolation(step, error) };
    }
  }
  return undefined;
}

interface Taken {
  readonly report: RunReport;
  readonly refusal?: Refusal;
}

const TAKEN_ALLOW: Taken = { report: ALLOWED };

/** @throws BulkheadError INVALID_ANSWER */
function apply(
  { plan }: HookCall,
  step: Step,
  { payload }: Snapshot,
  answer: PluginAnswer,
): AppliedAnswer | undefined {
  return answer.kind === 'modify'
    ? applyAnswer(plan, step, payload, answer.changed, answer.changes)
    : undefined;
}

/**
 * Takes an answer over: nothing of it when any part is wrong.
 *
 * @throws BulkheadError INVALID_ANSWER
 */
function take(
  parts: DispatchParts,
  call: HookCall,
  step: Step,
  response: InvokeResponse,
  answer: PluginAnswer,
  applied: AppliedAnswer | undefined,
): Taken {
  const { plan } = call;
  const metadata = isEmpty(response.metadata) ? undefined : readMetadata(plan.spec, response.metadata);
  keepState(parts, call, step, response, response.shared);
  if (metadata !== undefined) addMetadata(call, step, metadata.values);
  if (applied !== undefined && applied.kept.length > 0) call.change(step.port.name, applied.payload);
  const dropped = [
    ...(applied?.dropped ?? []),
    ...(metadata?.refused ?? []).map((name) => `metadata.${name}`),
  ];
  if (dropped.length > 0) warnDropped(parts, call, step, dropped);
  if (answer.kind === 'deny') {
    const { violation } = answer;
    const base = { ...ALLOWED, requested: 'deny', code: violation.code, dropped } as const;
    if (step.mode === 'sequential') {
      return { report: { ...base, effective: 'deny' }, refusal: { refusal: 'denied', violation } };
    }
    warnSuppressed(parts, call, step, violation.code);
    return { report: base };
  }
  if (applied === undefined) return dropped.length === 0 ? TAKEN_ALLOW : { report: { ...ALLOWED, dropped } };
  const effective = applied.kept.length > 0 ? 'modify' : 'allow';
  return { report: { ...ALLOWED, requested: 'modify', effective, changed: applied.kept, dropped } };
}

function record(
  parts: DispatchParts,
  call: HookCall,
  step: Step,
  report: RunReport,
  durationMs: number,
): void {
  const made = createRecord(call, step, report, durationMs);
  call.records.push(made);
  parts.onRecord(made);
}
