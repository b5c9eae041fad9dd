import type { Generated } from 'kysely';

/** What an entry of the audit log says; the same in both tables. Texts hold no NUL. */
export interface AuditContent {
  /** When it happened, as its host's clock said. */
  readonly at: number;
  readonly actor_kind: string;
  readonly actor_id: string;
  readonly action: string;
  readonly target: string | null;
  readonly outcome: string;
  readonly code: string | null;
  readonly reason: string | null;
  readonly request_id: string | null;
  /** JSON. */
  readonly details: string | null;
}

/** Committed with the change that it tells of; a writer moves it into its host's chain. */
export interface AuditPendingTable extends AuditContent {
  readonly id: Generated<number>;
  readonly host: string;
}

export interface AuditLogTable extends AuditContent {
  readonly host: string;
  /** From 1, without a gap. */
  readonly seq: number;
  /** Hash of the entry before; of the first one, 64 zeros. */
  readonly prev: string;
  /** Hex. */
  readonly hash: string;
}

/** The last entry of each chain, signed by its host. */
export interface AuditHeadsTable {
  readonly host: string;
  readonly seq: number;
  readonly hash: string;
  readonly at: number;
  /** Base64 of the key's SPKI; the host's id is its fingerprint. */
  readonly public_key: string;
  /** Base64. */
  readonly signature: string;
}

/** How far a chain was pruned, signed by its host. */
export interface AuditCheckpointsTable {
  readonly host: string;
  /** The last entry that was removed. */
  readonly seq: number;
  readonly hash: string;
  readonly at: number;
  readonly signature: string;
}

export interface AuditTables {
  audit_pending: AuditPendingTable;
  audit_log: AuditLogTable;
  audit_heads: AuditHeadsTable;
  audit_checkpoints: AuditCheckpointsTable;
}
