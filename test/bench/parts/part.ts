/** What a part is measured with. */
export interface BenchOptions {
  /** Interleaved rounds, of which the median counts. */
  readonly rounds: number;
  /** How long each measurement takes, in milliseconds. */
  readonly sliceMs: number;
  /** What `--only` asked for; empty: everything. */
  readonly only: string;
  /** Whether this machine has the strict sandbox. */
  readonly strict: boolean;
  readonly say: (line: string) => void;
}

/** What came out: figures for `--json`, and lines for people. */
export interface BenchReport {
  readonly figures: Readonly<Record<string, number>>;
  readonly lines: readonly string[];
}

/** Something that is measured by itself. */
export interface BenchPart {
  /** What `--only` calls it: all whose name has that in it are measured. */
  readonly names: readonly string[];
  readonly run: (options: BenchOptions) => Promise<BenchReport>;
}

/** A round is told apart by what is after the point; more is noise. */
export function round1(value: number): number {
  return Math.round(value * 10) / 10;
}

/** To two places, for ratios. */
export function round2(value: number): number {
  return Math.round(value * 100) / 100;
}
