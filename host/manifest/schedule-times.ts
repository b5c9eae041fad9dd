import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { Cron } from 'croner';

/** Of cron and time zone each: every schedule is read and parsed again and again. */
const MAX_CHARS = 255;
/** Fires that are gone through one by one before the last one is looked up. */
const MAX_STEPS = 50;

/** When a schedule fires. */
export interface Times {
  /** The first fire after a time; undefined when there is none any more. */
  next(afterMs: number): number | undefined;
  /** The last fire after `afterMs` and not after `nowMs`; undefined when none is due. */
  due(afterMs: number, nowMs: number): number | undefined;
}

/**
 * Five fields in an IANA time zone. Where summer time begins, a fire at a time that the clock jumps over comes when it has
 * jumped; where it ends, a set hour fires the first time and a `*` hour both times.
 *
 * @throws INVALID_ARGUMENT
 */
export function parseTimes(cron: string, timezone: string): Times {
  const times = open(cron, timezone);
  const next = (afterMs: number): number | undefined => times.nextRun(new Date(afterMs))?.getTime();
  return {
    next,
    due(afterMs, nowMs) {
      let last = next(afterMs);
      if (last === undefined || last > nowMs) return undefined;
      for (let steps = 0; ; steps += 1) {
        const later = next(last);
        if (later === undefined || later > nowMs) return last;
        last = later;
        if (steps === MAX_STEPS)
          last = Math.max(last, times.previousRuns(1, new Date(nowMs + 1))[0]?.getTime() ?? 0);
      }
    },
  };
}

function open(cron: string, timezone: string): Cron {
  for (const [field, text] of Object.entries({ cron, timezone })) {
    if (text.length > MAX_CHARS)
      throw invalid(field, `expected at most ${MAX_CHARS} characters, got ${text.length}`);
  }
  const fields = cron.trim().split(/\s+/).length;
  if (fields !== 5) {
    throw invalid('cron', `expected five fields, minute hour day month weekday, got ${JSON.stringify(cron)}`);
  }
  try {
    const times = new Cron(cron, { mode: '5-part', timezone: timezone || 'UTC', paused: true });
    if (times.nextRun() !== null) return times;
  } catch (error) {
    const zone = isTimeZone(timezone || 'UTC');
    throw invalid(
      zone ? 'cron' : 'timezone',
      zone
        ? `${JSON.stringify(cron)}: ${reasonOf(error)}`
        : `expected an IANA time zone, got ${JSON.stringify(timezone)}`,
    );
  }
  throw invalid('cron', `${JSON.stringify(cron)} never fires`);
}

function isTimeZone(timezone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: timezone });
    return true;
  } catch {
    return false;
  }
}

function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/^CronPattern: /, '');
}

function invalid(field: string, message: string): BulkheadError {
  return new BulkheadError(ErrorCode.INVALID_ARGUMENT, message, { field });
}
