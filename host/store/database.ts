import type { ApprovalTable } from './tables/approvals.js';
import type { AuditTables } from './tables/audit.js';
import type { ConfigLayerTable } from './tables/config-layer.js';
import type { EventBacklogTable, EventSubscriptionsTable } from './tables/events.js';
import type { GrantsTable } from './tables/grants.js';
import type { KvTable } from './tables/kv.js';
import type { LeasesTable } from './tables/leases.js';
import type { ObjectTables } from './tables/objects.js';
import type { ScheduleRunsTable, SchedulesTable } from './tables/schedules.js';
import type { SecretTables } from './tables/secrets.js';
import type { TokenTables } from './tables/tokens.js';
import type { UsageTable } from './tables/usage.js';

/** Every table, by name. Each part of the host adds its own from its file in `tables/`. */
export interface Database extends AuditTables, ObjectTables, SecretTables, TokenTables {
  readonly approvals: ApprovalTable;
  readonly config_layer: ConfigLayerTable;
  readonly grants: GrantsTable;
  readonly kv: KvTable;
  readonly leases: LeasesTable;
  readonly event_subscriptions: EventSubscriptionsTable;
  readonly event_backlog: EventBacklogTable;
  readonly schedules: SchedulesTable;
  readonly schedule_runs: ScheduleRunsTable;
  readonly usage: UsageTable;
}
