import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { readPermissions, writePermissions, type Permissions } from '@bulkhead/proto/rules/schema';
import type { GrantsTable } from '../store/tables/grants.js';
import type { Grant } from './grant.js';

/** A decision as the store keeps it. */
export type GrantRow = Omit<GrantsTable, 'id'>;

export function toRow(id: string, { asked, granted, pluginVersion, by, at }: Grant): GrantRow {
  return {
    plugin_id: id,
    plugin_version: pluginVersion,
    asked: JSON.stringify(writePermissions(asked)),
    granted: JSON.stringify(writePermissions(granted)),
    decided_by: by,
    decided_at: Date.parse(at),
  };
}

/** @throws GRANT_INVALID */
export function toGrant(row: GrantRow): Grant {
  const read = (text: string): Permissions => {
    try {
      return readPermissions(JSON.parse(text));
    } catch (error) {
      throw new BulkheadError(
        ErrorCode.GRANT_INVALID,
        `the stored grant of ${row.plugin_id} cannot be read. Decide anew with \`bulkhead plugin grants ${row.plugin_id}\`.`,
        { cause: error },
      );
    }
  };
  return {
    asked: read(row.asked),
    granted: read(row.granted),
    pluginVersion: row.plugin_version,
    by: row.decided_by,
    at: new Date(row.decided_at).toISOString(),
  };
}

/** As in the manifest's schema. */
const ID = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9])?$/;

/** @throws GRANT_INVALID */
export function assertPluginId(id: string): void {
  if (ID.test(id)) return;
  throw new BulkheadError(ErrorCode.GRANT_INVALID, `expected the id of a plugin, got '${id}'`);
}
