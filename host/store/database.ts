import type { ApprovalTable } from './tables/approvals.js';
import type { UsageTable } from './tables/usage.js';

/** Every table, by name. Each part of the host adds its own from its file in `tables/`. */
export interface Database {
  readonly approvals: ApprovalTable;
  readonly usage: UsageTable;
}
