import type { DetectorConfig, PiiFilterConfig } from './config.js';
import { DETECTOR_NAMES, type DetectorName } from './detectors/detector.js';

/** The configuration with the manifest's defaults. */
export function configWith(
  changes: Partial<Omit<PiiFilterConfig, 'detectors'>> & {
    readonly detectors?: Partial<Record<DetectorName, Partial<DetectorConfig>>>;
  } = {},
): PiiFilterConfig {
  const detectors = Object.fromEntries(
    DETECTOR_NAMES.map((name) => [name, { enabled: true, ...changes.detectors?.[name] }]),
  ) as Record<DetectorName, DetectorConfig>;
  return {
    action: 'redact',
    strategy: 'redact',
    patterns: [],
    allow_values: [],
    allow_fields: [],
    scan_keys: true,
    ...changes,
    detectors,
  };
}
