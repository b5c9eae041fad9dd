import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { ScheduleRunState } from '@bulkhead/proto/host';

export const RUN_STATES = {
  running: ScheduleRunState.SCHEDULE_RUN_STATE_RUNNING,
  succeeded: ScheduleRunState.SCHEDULE_RUN_STATE_SUCCEEDED,
  failed: ScheduleRunState.SCHEDULE_RUN_STATE_FAILED,
  timed_out: ScheduleRunState.SCHEDULE_RUN_STATE_TIMED_OUT,
  skipped: ScheduleRunState.SCHEDULE_RUN_STATE_SKIPPED,
  interrupted: ScheduleRunState.SCHEDULE_RUN_STATE_INTERRUPTED,
} as const;
export type RunState = keyof typeof RUN_STATES;

export function isRunState(state: string): state is RunState {
  return Object.hasOwn(RUN_STATES, state);
}

const MAX_REASON_CHARS = 500;

/** What became of a run whose call failed. */
export function outcomeOf(thrown: unknown): { readonly state: RunState; readonly reason: string } {
  const error = BulkheadError.from(thrown);
  const reason = `${error.code}: ${error.message}`.slice(0, MAX_REASON_CHARS);
  switch (error.code) {
    case ErrorCode.DEADLINE_EXCEEDED:
      return { state: 'timed_out', reason };
    case ErrorCode.PLUGIN_UNAVAILABLE:
    case ErrorCode.PLUGIN_EXITED:
    case ErrorCode.SHUTTING_DOWN:
    case ErrorCode.CANCELLED:
      return { state: 'interrupted', reason };
    default:
      return { state: 'failed', reason };
  }
}
