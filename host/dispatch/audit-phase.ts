import { ErrorCode } from '@bulkhead/proto';
import type { HookCall } from './hook-call.js';
import type { Step } from './hook-index.js';
import { observe } from './observing-run.js';
import type { DispatchParts } from './parts.js';
import { addMetadata, createRecord, skipped } from './run-plugin.js';
import type { Snapshot } from './snapshot.js';

/**
 * The audit phase: one plugin after another on the same payload, awaited within a common budget. Past it, or when
 * the caller leaves, the request goes on; the runs go on too, in the background, and are recorded when they end.
 */
export async function runAudit(parts: DispatchParts, call: HookCall, steps: readonly Step[]): Promise<void> {
  const due = steps.filter((step) => call.runsNow(step));
  if (due.length === 0) return;
  call.assertAwaited();
  let awaited = true;
  let ended = false;
  const chain = runChain(parts, call, due, call.snapshot(), () => awaited).finally(() => {
    ended = true;
  });
  await withinBudget(parts, call, chain);
  awaited = false;
  if (!ended) parts.background.track(chain);
  call.assertAwaited();
}

async function runChain(
  parts: DispatchParts,
  call: HookCall,
  steps: readonly Step[],
  snapshot: Snapshot,
  isAwaited: () => boolean,
): Promise<void> {
  const { subject } = call.plan;
  const named = subject === undefined ? undefined : snapshot.payload[subject];
  for (const step of steps) {
    const out = parts.rotation.isOut(step.port.name);
    const { record, metadata } = out
      ? { record: createRecord(call, step, skipped(ErrorCode.PLUGIN_UNAVAILABLE), 0), metadata: undefined }
      : await observe(parts, call, step, snapshot, undefined);
    if (isAwaited()) {
      call.records.push(record);
      if (metadata !== undefined) addMetadata(call, step, metadata);
    }
    if (!out) {
      const failed = record.status !== 'completed';
      parts.shadow.count(step.port.name, typeof named === 'string' ? named : '', record.requested, failed);
    }
    parts.onRecord(record);
  }
}

function withinBudget(parts: DispatchParts, call: HookCall, chain: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const goOn = (): void => {
      cancelTimer();
      call.signal?.removeEventListener('abort', goOn);
      resolve();
    };
    const cancelTimer = parts.clock.after(call.timeLeft(call.plan.auditBudgetMs), goOn);
    call.signal?.addEventListener('abort', goOn, { once: true });
    void chain.then(goOn, goOn);
  });
}
