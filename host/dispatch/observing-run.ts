import { BulkheadError } from '@bulkhead/proto';
import type { JsonObject } from '@bulkhead/proto/json';
import type { PipelineOutcome } from '@bulkhead/proto/plugin';
import { readAnswer, readMetadata } from './answer.js';
import type { HookCall } from './hook-call.js';
import type { Step } from './hook-index.js';
import type { PluginRecord } from './invocation.js';
import type { DispatchParts } from './parts.js';
import {
  ALLOWED,
  askPlugin,
  createRecord,
  createRequest,
  failedRun,
  isEmpty,
  keepState,
  noteFailure,
  warnSuppressed,
  type RunReport,
} from './run-plugin.js';
import type { Snapshot } from './snapshot.js';
import { NO_ENTRIES } from './state-store.js';

export interface Observation {
  readonly record: PluginRecord;
  readonly metadata: JsonObject | undefined;
}

/**
 * One run of a plugin that may neither refuse nor change: audit and fire_and_forget. Never rejects.
 * What it asked for stands in the record; a change that the mode discards is listed as dropped.
 */
export async function observe(
  parts: DispatchParts,
  call: HookCall,
  step: Step,
  snapshot: Snapshot,
  outcome: PipelineOutcome | undefined,
): Promise<Observation> {
  const started = parts.clock.monotonic();
  let report: RunReport = ALLOWED;
  let metadata: JsonObject | undefined;
  try {
    const request = createRequest(parts, call, step, snapshot, outcome);
    // The caller's signal and deadline end with its own answer; this run may outlive it.
    const response = await askPlugin(parts, call, step, request, step.registration.timeoutMs, undefined);
    const answer = readAnswer(call.plan, step.port.name, response);
    if (!isEmpty(response.metadata)) metadata = readMetadata(call.plan.spec, response.metadata).values;
    keepState(parts, call, step, response, NO_ENTRIES);
    if (answer.kind === 'deny') {
      report = { ...ALLOWED, requested: 'deny', code: answer.violation.code };
      warnSuppressed(parts, call, step, answer.violation.code);
    } else if (answer.kind === 'modify')
      report = { ...ALLOWED, requested: 'modify', dropped: answer.changed };
  } catch (thrown) {
    const error = BulkheadError.from(thrown);
    noteFailure(parts, call, step, error);
    report = failedRun(error, 'allow');
  }
  return { record: createRecord(call, step, report, parts.clock.monotonic() - started), metadata };
}
