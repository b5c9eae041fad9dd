/** One key of one configured entry. */
export interface KvTable {
  /** The configured entry's name: the namespace. */
  entry: string;
  key: string;
  version: number;
  /** Null: it does not expire. */
  expires_at: number | null;
  /** Bytes of key and value. */
  size: number;
  /** `size` of what the last write replaced; null when it made the key. Tells the writer what it changed. */
  replaced_size: number | null;
  encoding: number;
  /** The value, when it is JSON text of a whole number; `value` is null then. */
  number: number | null;
  value: Uint8Array | null;
}
