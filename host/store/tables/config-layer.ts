/** What was changed of an entry by other means than a file. */
export interface ConfigLayerTable {
  /** The entry's name. */
  readonly entry: string;
  /** Counts the changes of this entry. */
  readonly version: number;
  /** JSON: every value with its place, who set it and when. */
  readonly leaves: string;
}
