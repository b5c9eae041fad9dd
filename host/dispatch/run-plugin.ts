import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { JsonObject } from '@bulkhead/proto/json';
import type { InvokeRequest, InvokeResponse, PipelineOutcome } from '@bulkhead/proto/plugin';
import { isReservedKey } from '@bulkhead/proto/rules';
import type { HookCall } from './hook-call.js';
import type { Step } from './hook-index.js';
import type { HostViolation, Outcome, PluginRecord } from './invocation.js';
import type { DispatchParts } from './parts.js';
import type { Snapshot } from './snapshot.js';
import type { Entries } from './state-store.js';

/** The request as this plugin may see it. */
export function createRequest(
  parts: DispatchParts,
  call: HookCall,
  step: Step,
  snapshot: Snapshot,
  outcome: PipelineOutcome | undefined,
): InvokeRequest {
  return {
    hook: call.plan.spec.name,
    payload: snapshot.bytes(step.view),
    context: call.contexts.for(step.contextView),
    state: parts.state.state(call.stateKey, step.port.name),
    shared: parts.state.shared(call.stateKey),
    outcome,
  };
}

/**
 * Asks the plugin; when its process died under the call and the registration is idempotent, asks once more
 * (the port picks another process) within what is left of the same time.
 */
export async function askPlugin(
  parts: DispatchParts,
  call: HookCall,
  step: Step,
  request: InvokeRequest,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<InvokeResponse> {
  const options = (ms: number) => ({
    timeoutMs: ms,
    ...(signal === undefined ? {} : { signal }),
    ...(call.traceparent === undefined ? {} : { traceparent: call.traceparent }),
  });
  if (!step.registration.idempotent) return step.port.invoke(request, options(timeoutMs));
  const started = parts.clock.monotonic();
  try {
    return await step.port.invoke(request, options(timeoutMs));
  } catch (error) {
    const { code } = BulkheadError.from(error);
    const left = timeoutMs - (parts.clock.monotonic() - started);
    const died = code === ErrorCode.PLUGIN_UNAVAILABLE || code === ErrorCode.PLUGIN_EXITED;
    if (!died || left <= 0 || signal?.aborted === true) throw error;
    return step.port.invoke(request, options(left));
  }
}

/**
 * Keeps what the plugin wrote to its own state, and to the shared one as far as its mode permits.
 *
 * @throws BulkheadError INVALID_ANSWER for a reserved name, or when the request would hold too much
 */
export function keepState(
  parts: DispatchParts,
  call: HookCall,
  step: Step,
  response: InvokeResponse,
  shared: Entries,
): void {
  for (const name in response.shared) {
    if (isReservedKey(name)) {
      throw new BulkheadError(
        ErrorCode.INVALID_ANSWER,
        `shared: the name '${name}' is reserved; use another one`,
      );
    }
  }
  if (isEmpty(response.state) && isEmpty(shared)) return;
  parts.state.write(call.stateKey, step.port.name, response.state, shared);
}

export function addMetadata(call: HookCall, step: Step, values: JsonObject): void {
  const { name } = step.port;
  call.metadata[name] = { ...call.metadata[name], ...values };
}

export function isEmpty(record: object): boolean {
  for (const _ in record) return false;
  return true;
}

/** What a run came to; everything else of a record follows from step and call. */
export interface RunReport {
  readonly requested: Outcome;
  readonly effective: Outcome;
  readonly status: PluginRecord['status'];
  readonly code?: string;
  readonly changed: readonly string[];
  readonly dropped: readonly string[];
}

const NOTHING: readonly string[] = Object.freeze([]);

export const ALLOWED: RunReport = {
  requested: 'allow',
  effective: 'allow',
  status: 'completed',
  changed: NOTHING,
  dropped: NOTHING,
};

/** The run was not begun, or given up because nobody needed its answer any more. */
export function skipped(code: string): RunReport {
  return { ...ALLOWED, status: 'skipped', code };
}

export function failedRun(error: BulkheadError, effective: Outcome): RunReport {
  return {
    ...ALLOWED,
    effective,
    status: error.code === ErrorCode.DEADLINE_EXCEEDED ? 'timeout' : 'error',
    code: error.code,
  };
}

export function createRecord(
  call: HookCall,
  step: Step,
  report: RunReport,
  durationMs: number,
): PluginRecord {
  const { port, mode } = step;
  const { requested, effective, status, code, changed, dropped } = report;
  const record = {
    requestId: call.requestId,
    plugin: port.name,
    version: port.version,
    hook: call.plan.spec.name,
    mode,
    requested,
    effective,
    status,
    durationMs,
    changed,
    dropped,
  };
  return code === undefined ? record : { ...record, code };
}

/** Applies `on_error` to a failed run: warns, and takes a plugin with `disable` out of rotation. */
export function noteFailure(parts: DispatchParts, call: HookCall, step: Step, error: BulkheadError): void {
  const plugin = step.port.name;
  const hook = call.plan.spec.name;
  parts.warnings.warn(
    `failed ${plugin} ${hook} ${error.code}`,
    {
      plugin,
      hook,
      requestId: call.requestId,
      code: error.code,
      err: error,
      onError: step.registration.onError,
    },
    step.guards ? 'plugin failed; the request is refused' : 'plugin failed; the request goes on without it',
  );
  if (step.registration.onError === 'disable')
    parts.rotation.disable(plugin, `${error.code}: ${error.message}`);
}

/** Timers and clocks may differ by this much. */
const DEADLINE_SLACK_MS = 50;

/** Whether a run ended because the caller's own time was over; a plugin that merely says so has failed. */
export function isCallersDeadline(
  call: HookCall,
  step: Step,
  error: BulkheadError,
  timeoutMs: number,
): boolean {
  return (
    error.code === ErrorCode.DEADLINE_EXCEEDED &&
    timeoutMs < step.registration.timeoutMs &&
    call.timeLeft(DEADLINE_SLACK_MS + 1) <= DEADLINE_SLACK_MS
  );
}

const HTTP_STATUS: Readonly<Partial<Record<ErrorCode, number>>> = {
  [ErrorCode.DEADLINE_EXCEEDED]: 504,
  [ErrorCode.PLUGIN_ERROR]: 502,
  [ErrorCode.INVALID_ANSWER]: 502,
};

/** How a guard that could not answer looks to the caller; the error's own text may hold anything and stays in the details. */
export function failureViolation(step: Step, error: BulkheadError): HostViolation {
  return {
    code: error.code,
    reason: `The request is refused because plugin '${step.port.name}', which guards it, gave no valid answer.`,
    details: { message: error.message },
    http_status_code: HTTP_STATUS[error.code] ?? 503,
    plugin: step.port.name,
  };
}

export function warnSuppressed(parts: DispatchParts, call: HookCall, step: Step, code: string): void {
  const plugin = step.port.name;
  const hook = call.plan.spec.name;
  parts.warnings.warn(
    `suppressed ${plugin} ${hook} ${code}`,
    { plugin, hook, mode: step.mode, code, requestId: call.requestId },
    'denial suppressed: the mode may not refuse',
  );
}

export function warnDropped(
  parts: DispatchParts,
  call: HookCall,
  step: Step,
  dropped: readonly string[],
): void {
  const plugin = step.port.name;
  const hook = call.plan.spec.name;
  parts.warnings.warn(
    `dropped ${plugin} ${hook} ${dropped.join()}`,
    { plugin, hook, fields: dropped, requestId: call.requestId },
    'change dropped: the plugin may not write these fields',
  );
}
