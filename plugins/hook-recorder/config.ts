/** The configuration, as the manifest's config_schema describes it. */
export interface HookRecorderConfig {
  readonly keep: number;
  readonly objects: boolean;
  readonly notes: boolean;
}
