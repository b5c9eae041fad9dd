/** Named values, encrypted. */
export interface SecretsTable {
  readonly name: string;
  /** Grows with each change; a removed secret keeps its own, so that no number is used twice. */
  readonly version: number;
  readonly key_id: string;
  /** null: removed. */
  readonly sealed: Uint8Array | null;
  readonly updated_at: number;
  readonly updated_by: string;
}

/** The key that secrets are written with: one row. */
export interface SecretKeyTable {
  readonly slot: number;
  /** The key's fingerprint. */
  readonly key_id: string;
}

export interface SecretTables {
  secrets: SecretsTable;
  secret_key: SecretKeyTable;
}
