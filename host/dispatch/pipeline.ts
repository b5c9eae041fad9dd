import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { PipelineOutcome } from '@bulkhead/proto/plugin';
import { writeViolation } from './answer.js';
import { runAudit } from './audit-phase.js';
import { runConcurrent } from './concurrent-phase.js';
import type { HookCall, Refusal } from './hook-call.js';
import type { InvokeResult } from './invocation.js';
import type { DispatchParts } from './parts.js';
import { createRecord, skipped } from './run-plugin.js';
import { runSerial } from './serial-phases.js';

/**
 * The phases of one call, in their order: sequential, transform, audit, concurrent, and after the outcome
 * fire_and_forget.
 *
 * @throws BulkheadError CANCELLED, DEADLINE_EXCEEDED, PAYLOAD_TOO_LARGE
 */
export function runPipeline(parts: DispatchParts, call: HookCall): Promise<InvokeResult> {
  const { plan } = call;
  call.assertAwaited();
  if (!plan.busy) return Promise.resolve(createResult(call, undefined));
  return runPhases(parts, call);
}

async function runPhases(parts: DispatchParts, call: HookCall): Promise<InvokeResult> {
  const { plan } = call;
  let refusal: Refusal | undefined;
  try {
    if (plan.sequential.length > 0) refusal = await runSerial(parts, call, plan.sequential);
    if (refusal === undefined && plan.transform.length > 0) await runSerial(parts, call, plan.transform);
    if (refusal === undefined && plan.audit.length > 0) await runAudit(parts, call, plan.audit);
    if (refusal === undefined && plan.concurrent.length > 0)
      refusal = await runConcurrent(parts, call, plan.concurrent);
  } catch (thrown) {
    const error = BulkheadError.from(thrown);
    // The plugins that ran are part of what happened, so those who record it hear of the end too.
    const gone = error.code === ErrorCode.CANCELLED || error.code === ErrorCode.DEADLINE_EXCEEDED;
    if (gone && plan.background.length > 0) {
      runBackground(parts, call, { allowed: false, deniedBy: '', violation: callerGone(error) });
    }
    throw error;
  }
  if (plan.background.length > 0) runBackground(parts, call, outcomeOf(refusal));
  return createResult(call, refusal);
}

function runBackground(parts: DispatchParts, call: HookCall, outcome: PipelineOutcome): void {
  for (const step of call.plan.background) {
    if (!call.runsNow(step)) continue;
    if (parts.rotation.isOut(step.port.name)) {
      const record = createRecord(call, step, skipped(ErrorCode.PLUGIN_UNAVAILABLE), 0);
      call.records.push(record);
      parts.onRecord(record);
    } else parts.background.enqueue(parts, call, step, call.snapshot(), outcome);
  }
}

function outcomeOf(refusal: Refusal | undefined): PipelineOutcome {
  if (refusal === undefined) return { allowed: true, deniedBy: '', violation: undefined };
  const { violation } = refusal;
  return { allowed: false, deniedBy: violation.plugin, violation: writeViolation(violation) };
}

function callerGone(error: BulkheadError): PipelineOutcome['violation'] {
  return writeViolation({ code: error.code, reason: error.message, plugin: '' });
}

function createResult(call: HookCall, refusal: Refusal | undefined): InvokeResult {
  const base = {
    payload: call.result(),
    changedBy: call.changedBy,
    context: { requestId: call.requestId },
    metadata: call.metadata,
    records: call.records,
  };
  if (refusal === undefined) return { ...base, allowed: true, violation: null };
  return { ...base, allowed: false, violation: refusal.violation, refusal: refusal.refusal };
}
