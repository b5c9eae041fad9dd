import type { DetectorName } from './detectors/detector.js';

/** What stands where personal data stood. */
export type Strategy = 'redact' | 'partial' | 'hash' | 'remove';

export interface DetectorConfig {
  readonly enabled: boolean;
  /** Instead of the general strategy. */
  readonly strategy?: Strategy;
}

/** A kind of data that only the operator knows. */
export interface PatternConfig {
  readonly name: string;
  /** A JavaScript regular expression. */
  readonly regex: string;
  /** Default: by the general strategy. */
  readonly replacement?: string;
}

/** The configuration, as the manifest's config_schema describes it. */
export interface PiiFilterConfig {
  readonly action: 'redact' | 'block';
  readonly strategy: Strategy;
  readonly detectors: Readonly<Record<DetectorName, DetectorConfig>>;
  readonly patterns: readonly PatternConfig[];
  readonly hash_key?: string;
  readonly allow_values: readonly string[];
  readonly allow_fields: readonly string[];
  readonly scan_keys: boolean;
}
