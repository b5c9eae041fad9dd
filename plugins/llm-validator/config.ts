/** The configuration, as the manifest's config_schema describes it. */
export interface LlmValidatorConfig {
  readonly required_fields: readonly ('description' | 'endpoint' | 'api_key' | 'models' | 'default_model')[];
  readonly allowed_vendors: readonly string[];
  readonly allowed_endpoints: readonly string[];
  readonly require_https: boolean;
}
