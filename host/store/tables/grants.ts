import type { Generated } from 'kysely';

/** Every decision about a plugin; the one with the highest id is in force. */
export interface GrantsTable {
  readonly id: Generated<number>;
  readonly plugin_id: string;
  readonly plugin_version: string;
  /** Permissions as JSON, as they are written in a manifest. */
  readonly asked: string;
  readonly granted: string;
  readonly decided_by: string;
  /** Milliseconds since the Unix epoch. */
  readonly decided_at: number;
}
