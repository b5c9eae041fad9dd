/**
 * The class names by which configurations for in-process plugin frameworks name their plugins (`kind:`), and the
 * plugin that does the same here. Source: the configurations in the project's reference documents.
 */
export const CLASS_NAMES: Readonly<Record<string, string>> = {
  'security.TokenBudgetPlugin': 'token-budget',
  'security.ContentPolicyPlugin': 'content-policy',
  'security.ToolAllowListPlugin': 'tool-allowlist',
  'privacy.PIIRedactionPlugin': 'pii-filter',
  'observability.AuditLogPlugin': 'audit-logger',
  'observability.RequestTracerPlugin': 'request-tracer',
  'observability.MetricsPlugin': 'latency-tracker',
  'experimental.ContentPolicyV2': 'content-policy',
};
