/** A token of the control plane; the token itself is not here. */
export interface ApiTokensTable {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  /** SHA-256 of the token's secret, hex. */
  readonly hash: string;
  readonly created_at: number;
  readonly created_by: string;
  /** null: never. */
  readonly expires_at: number | null;
  readonly revoked_at: number | null;
}

/** A browser's session; it lasts no longer than the token that opened it. */
export interface ApiSessionsTable {
  /** SHA-256 of the cookie's secret, hex. */
  readonly hash: string;
  readonly token_id: string;
  readonly created_at: number;
  readonly expires_at: number;
}

export interface TokenTables {
  api_tokens: ApiTokensTable;
  api_sessions: ApiSessionsTable;
}
