/** One thing that the doctor looked at. */
export interface Finding {
  readonly check: string;
  /** `error`: the daemon does not start, or not as configured. `warning`: it runs, with less than it could have. */
  readonly level: 'ok' | 'warning' | 'error';
  /** What was found. */
  readonly found: string;
  /** Why it matters; present unless all is well. */
  readonly why?: string;
  /** The command or the change that mends it. */
  readonly fix?: string;
}
