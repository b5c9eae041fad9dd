import type { JsonSchema } from '@bulkhead/proto/rules/schema';

/** `audit` of bulkhead.yaml. */
export interface AuditSection {
  readonly keep_days?: number;
  readonly all: readonly string[];
}

export interface AuditConfig {
  /** Older entries go, behind a signed checkpoint. Absent: all are kept. */
  readonly keepDays?: number;
  /** Hooks of which allowed runs are audited too; `*`: of every hook. */
  readonly all: readonly string[];
}

export const AUDIT_PROPERTIES: JsonSchema = {
  keep_days: {
    type: 'integer',
    minimum: 1,
    maximum: 36_500,
    description:
      'Older entries are removed behind a signed checkpoint; what is left still verifies. Default: all are kept.',
  },
  all: {
    type: 'array',
    items: { type: 'string' },
    'x-expected': 'a list of texts',
    default: [],
    description:
      'Hooks of which runs that let a request pass are audited too; `*` for every hook. Denials and errors always are.',
  },
};

export function resolveAudit({ keep_days: keepDays, all }: AuditSection): AuditConfig {
  return { all, ...(keepDays === undefined ? {} : { keepDays }) };
}
