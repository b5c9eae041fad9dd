import type { Detector, Span } from './detectors/detector.js';

/** A part of a text that is to be masked. */
export interface Finding extends Span {
  readonly detector: Detector;
  /** False when matches of several detectors overlapped: the span is their union, the detector that of the longest. */
  readonly exact: boolean;
}

/** No built-in detector matches a text without any of these, so ordinary words cost one pass. */
const MAY_MATCH = /\d|@/;

/**
 * All findings of a text, ascending, without overlap. What overlaps is masked as one: to prefer one match over another
 * would leave a part of the other in clear.
 *
 * @param detectors in the order of their claim where two matches are equally long
 */
export function scanText(detectors: readonly Detector[], text: string, label: string): readonly Finding[] {
  if (!MAY_MATCH.test(text) && !detectors.some(({ anyText }) => anyText)) return [];
  const all: { readonly start: number; readonly end: number; readonly detector: Detector }[] = [];
  for (const detector of detectors) {
    for (const span of detector.find(text, label)) all.push({ ...span, detector });
  }
  if (all.length < 2) return all.map((span) => ({ ...span, exact: true }));
  // Stable: of equal spans the detector with the better claim stays first.
  all.sort((a, b) => a.start - b.start || b.end - a.end);
  const findings: Finding[] = [];
  let longest = 0;
  for (const span of all) {
    const previous = findings.at(-1);
    if (previous === undefined || span.start >= previous.end) {
      findings.push({ ...span, exact: true });
      longest = span.end - span.start;
      continue;
    }
    const better = span.end - span.start > longest;
    if (better) longest = span.end - span.start;
    if (better || span.end > previous.end) {
      findings[findings.length - 1] = {
        start: previous.start,
        end: Math.max(previous.end, span.end),
        detector: better ? span.detector : previous.detector,
        exact: false,
      };
    }
  }
  return findings;
}
