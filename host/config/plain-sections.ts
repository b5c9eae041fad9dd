import type { BulkheadFile } from './bulkhead-file.js';
import type { HostConfig } from './config.js';

/** The sections that are only renamed. */
export function plainSections(
  file: BulkheadFile,
): Pick<HostConfig, 'limits' | 'lifecycle' | 'link' | 'policy'> {
  const { limits, lifecycle, link, policy } = file;
  return {
    limits: {
      callTimeoutMs: limits.call_timeout_ms,
      maxPayloadBytes: limits.max_payload_bytes,
      maxPayloadBytesByHook: limits.max_payload_bytes_by_hook,
      auditBudgetMs: limits.audit_budget_ms,
      stateTtlMs: limits.state_ttl_ms,
      maxBodyBytes: limits.max_body_bytes,
    },
    lifecycle: {
      startTimeoutMs: lifecycle.start_timeout_ms,
      healthIntervalMs: lifecycle.health_interval_ms,
      healthTimeoutMs: lifecycle.health_timeout_ms,
      healthMisses: lifecycle.health_misses,
      backoffInitialMs: lifecycle.backoff_initial_ms,
      backoffMaxMs: lifecycle.backoff_max_ms,
      crashLimit: lifecycle.crash_limit,
      crashWindowMs: lifecycle.crash_window_ms,
      stopDrainMs: lifecycle.stop_drain_ms,
      stopTermMs: lifecycle.stop_term_ms,
      stopKillMs: lifecycle.stop_kill_ms,
    },
    link: { mtls: link.mtls, maxMessageBytes: link.max_message_bytes },
    policy: {
      failOpen: policy.fail_open,
      denyAs: policy.deny_as,
      exposeViolationDetails: policy.expose_violation_details,
    },
  };
}
