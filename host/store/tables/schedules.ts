import type { Generated } from 'kysely';

/** A schedule of one configured entry: made by the plugin, or declared in its manifest and remembered here. */
export interface SchedulesTable {
  entry: string;
  name: string;
  /** Null: it stands in the manifest alone. */
  cron: string | null;
  timezone: string;
  /** 0 is the host's default. */
  timeout_ms: number;
  retry: number;
  missed: string;
  paused: number;
  /** Cron and time zone by which `considered_at` was reached. */
  spec: string;
  /** Every fire up to here was claimed, or is not to run. Only grows, but for a clock that was far ahead. */
  considered_at: number;
}

export interface ScheduleRunsTable {
  seq: Generated<number>;
  id: string;
  entry: string;
  schedule: string;
  /** What is claimed once: a fire, its repetition, or one run by hand. */
  claim: string;
  fire_at: number;
  started_at: number;
  ended_at: number | null;
  state: string;
  reason: string;
  by_hand: number;
  /** How often it was repeated before. */
  repeats: number;
  /** Whether it is repeated when it is cut short. */
  retry: number;
  /** It was cut short and a repetition is owed. */
  repeat_due: number;
  /** The run of a host that runs it. */
  holder: string;
  /** Counted up by the holder while it runs. */
  beat: number;
}
