import type { ScheduleDeclaration } from '@bulkhead/proto/rules';
import type { SchedulesTable } from '../../store/tables/schedules.js';
import { parseTimes, type Times } from '../../manifest/schedule-times.js';

/** What a schedule is, wherever it was written. */
export interface ScheduleDefinition {
  readonly name: string;
  readonly cron: string;
  /** IANA. */
  readonly timezone: string;
  /** 0 is the host's default. */
  readonly timeoutMs: number;
  /** A run that was cut short is repeated. */
  readonly retry: boolean;
  readonly missed: 'skip' | 'once';
}

/** A schedule that is in force. */
export interface Schedule extends ScheduleDefinition {
  /** The configured entry's name. */
  readonly entry: string;
  /** In the manifest. */
  readonly declared: boolean;
  readonly paused: boolean;
  readonly spec: string;
  readonly consideredAt: number;
}

export function fromDeclaration(declared: ScheduleDeclaration): ScheduleDefinition {
  return { ...declared, timeoutMs: declared.timeoutMs ?? 0 };
}

export function fromRow(row: SchedulesTable): ScheduleDefinition {
  return {
    name: row.name,
    cron: row.cron ?? '',
    timezone: row.timezone,
    timeoutMs: row.timeout_ms,
    retry: row.retry === 1,
    missed: row.missed === 'once' ? 'once' : 'skip',
  };
}

export function toRow(definition: ScheduleDefinition) {
  return {
    timezone: definition.timezone,
    timeout_ms: definition.timeoutMs,
    retry: definition.retry ? 1 : 0,
    missed: definition.missed,
    spec: specOf(definition),
  };
}

/** A schedule with another one fires at other times. */
export function specOf({ cron, timezone }: Pick<ScheduleDefinition, 'cron' | 'timezone'>): string {
  return `${cron} ${timezone}`;
}

/** Parses each cron once. */
export class TimesCache {
  readonly #times = new Map<string, Times>();

  /** @throws INVALID_ARGUMENT */
  of(definition: Pick<ScheduleDefinition, 'cron' | 'timezone'>): Times {
    const spec = specOf(definition);
    let times = this.#times.get(spec);
    if (times === undefined) {
      times = parseTimes(definition.cron, definition.timezone);
      if (this.#times.size >= MAX_CACHED) this.#times.clear();
      this.#times.set(spec, times);
    }
    return times;
  }
}

const MAX_CACHED = 1_000;
