/** The configuration, as the manifest's config_schema describes it. */
export interface ApprovalConfig {
  readonly expire_days: number;
  readonly history_days: number;
  readonly four_eyes: boolean;
}
