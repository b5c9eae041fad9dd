/** The configuration, as the manifest's config_schema describes it. */
export interface AuditLoggerConfig {
  readonly path: string;
  readonly fields: boolean;
  readonly max_field_bytes: number;
  readonly redact_keys: readonly string[];
  readonly batch_max_lines: number;
  readonly batch_max_wait_ms: number;
  readonly max_queue_bytes: number;
  readonly rotate_max_bytes: number;
  readonly rotate_max_age_hours: number;
  readonly keep_files: number;
  readonly sync: boolean;
}
