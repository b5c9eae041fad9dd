import type { Problem } from '@bulkhead/proto';

/** What was looked at in a package, and what is wrong with it. */
export interface PackageReport {
  readonly name: string;
  readonly directory: string;
  /** In the order in which it was checked: `manifest`, `entry`, … */
  readonly checked: readonly string[];
  readonly problems: readonly Problem[];
  readonly notices: readonly string[];
}
