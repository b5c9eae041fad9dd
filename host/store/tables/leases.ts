/** Who does something that only one host may do. Nobody holds what has no row, or an empty holder. */
export interface LeasesTable {
  name: string;
  holder: string;
  /** Another one with each change of hands. */
  token: number;
  /** Counted up by whoever holds it. */
  beat: number;
}
