import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { ScheduleDefinition } from './schedule.js';

const MAX_TIMEOUT_MS = 86_400_000;
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;

/** Whether a plugin may make such a schedule; its times are judged where they are parsed. @throws INVALID_ARGUMENT */
export function assertDefinition({ name, timeoutMs }: ScheduleDefinition): void {
  if (!NAME.test(name)) throw invalid('name', 'expected a name of 1 to 128 letters, digits, dots, _ and -');
  if (timeoutMs > MAX_TIMEOUT_MS)
    throw invalid('timeout_ms', `expected a time-out of at most ${MAX_TIMEOUT_MS} ms, got ${timeoutMs}`);
}

/** Whether two schedules of one name are the same, but for whether they are paused. */
export function sameDefinition(a: ScheduleDefinition, b: ScheduleDefinition): boolean {
  return (
    a.cron === b.cron &&
    a.timezone === b.timezone &&
    a.timeoutMs === b.timeoutMs &&
    a.retry === b.retry &&
    a.missed === b.missed
  );
}

export function invalid(field: string, message: string): BulkheadError {
  return new BulkheadError(ErrorCode.INVALID_ARGUMENT, message, { field });
}
