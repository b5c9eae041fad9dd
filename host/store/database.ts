import type { ApprovalTable } from './tables/approvals.js';
import type { ConfigLayerTable } from './tables/config-layer.js';
import type { GrantsTable } from './tables/grants.js';
import type { ObjectTables } from './tables/objects.js';
import type { UsageTable } from './tables/usage.js';

/** Every table, by name. Each part of the host adds its own from its file in `tables/`. */
export interface Database extends ObjectTables {
  readonly approvals: ApprovalTable;
  readonly config_layer: ConfigLayerTable;
  readonly grants: GrantsTable;
  readonly usage: UsageTable;
}
