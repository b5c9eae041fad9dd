/** The configuration, as the manifest's config_schema describes it. */
export interface ToolAllowlistConfig {
  readonly allowed_tools: readonly string[];
  readonly denied_tools: readonly string[];
}
