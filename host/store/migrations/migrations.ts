import type { Migration } from 'kysely/migration';
import type { Engine } from '../store.js';
import { createObjects } from './010-objects.js';
import { kv } from './020-kv.js';
import { events } from './021-events.js';
import { schedules } from './022-schedules.js';
import { auditTables } from './030-audit.js';
import { secretTables } from './031-secrets.js';
import { tokenTables } from './032-tokens.js';
import { approvals } from './040-approvals.js';
import { approvalRuns } from './041-approval-runs.js';
import { configLayer } from './050-config-layer.js';
import { grants } from './051-grants.js';
import { usage } from './060-usage.js';
import { eventSizes } from './061-event-sizes.js';

/** Makes one part's tables; `engine` decides the column types. */
export type CreateMigration = (engine: Engine) => Migration;

/** Every migration, in order. A released one is never changed; a new one takes the next number. */
export const MIGRATIONS: Readonly<Record<string, CreateMigration>> = {
  '010-objects': createObjects,
  '020-kv': kv,
  '021-events': events,
  '022-schedules': schedules,
  '030-audit': auditTables,
  '031-secrets': secretTables,
  '032-tokens': tokenTables,
  '040-approvals': approvals,
  '041-approval-runs': approvalRuns,
  '050-config-layer': configLayer,
  '051-grants': grants,
  '060-usage': usage,
  '061-event-sizes': eventSizes,
};
