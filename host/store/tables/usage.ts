/** What was used in one hour: a hook of a plugin, a tool, a method of the Service API. */
export interface UsageTable {
  /** Start of the hour, in milliseconds since the Unix epoch. */
  readonly hour_ms: number;
  /** hook, tool or service. */
  readonly kind: string;
  /** The configured entry's name; empty for a tool that no plugin has. */
  readonly plugin: string;
  readonly name: string;
  /** Empty when no app was behind it. */
  readonly app_id: string;
  readonly calls: number;
  readonly denied: number;
  readonly failed: number;
  readonly duration_ms: number;
}
