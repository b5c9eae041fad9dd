/** The configuration, as the manifest's config_schema describes it. */
export interface LatencyTrackerConfig {
  readonly report_interval_ms: number;
  readonly max_names: number;
  readonly slow_ms: number;
}
