import type { JsonValue } from '@bulkhead/sdk';
import { compileAllowedFields, compileAllowedValues } from './allowed.js';
import type { PiiFilterConfig, Strategy } from './config.js';
import { DETECTORS } from './detectors/all.js';
import { DETECTOR_NAMES, type Detector } from './detectors/detector.js';
import { createPattern } from './detectors/pattern.js';
import { createMask } from './mask.js';
import { wholeDigits } from './numbers.js';
import { rewrite, type Rewriter } from './rewrite.js';
import { scanText, type Finding } from './scan.js';

/** Findings by detector; never the values. */
export type Counts = Record<string, number>;

export interface Filtered {
  /** The same object as came in when nothing was found. */
  readonly value: JsonValue;
  readonly counts: Counts;
  readonly found: number;
  /** How many lists and objects the deepest finding stands in. */
  readonly deepest: number;
}

/** Masks personal data in a JSON value. */
export type Filter = (value: JsonValue) => Filtered;

/** JSON inside a string inside JSON …: followed this far. */
const MAX_EMBEDDED = 2;

export function createFilter(config: PiiFilterConfig): Filter {
  const builtIn = DETECTOR_NAMES.filter((name) => config.detectors[name].enabled);
  const strategies = new Map<Detector, Strategy | undefined>(
    builtIn.map((name) => [DETECTORS[name], config.detectors[name].strategy]),
  );
  // An operator's own pattern has the better claim on text that both match.
  const enabled = [...config.patterns.map(createPattern), ...builtIn.map((name) => DETECTORS[name])];
  const forNumbers = enabled.filter((detector) => detector.numbers);
  const isAllowed = compileAllowedValues(config.allow_values);
  const skip = compileAllowedFields(config.allow_fields);
  const mask = createMask(config.hash_key);
  const strategyOf = (detector: Detector): Strategy => strategies.get(detector) ?? config.strategy;

  const wanted = (text: string, findings: readonly Finding[]): readonly Finding[] =>
    config.allow_values.length === 0
      ? findings
      : findings.filter(({ start, end }) => !isAllowed(text.slice(start, end)));

  const maskText = (text: string, findings: readonly Finding[]): string => {
    let masked = '';
    let position = 0;
    for (const { start, end, detector, exact } of findings) {
      masked += text.slice(position, start);
      masked += mask(detector, strategyOf(detector), text.slice(start, end), exact);
      position = end;
    }
    return masked + text.slice(position);
  };

  const filter = (value: JsonValue, embedded: number): Filtered => {
    const counts: Counts = {};
    let found = 0;
    let deepest = 0;

    const count = (findings: readonly Finding[], depth: number): void => {
      for (const { detector } of findings) counts[detector.name] = (counts[detector.name] ?? 0) + 1;
      found += findings.length;
      deepest = Math.max(deepest, depth);
    };

    const rewriter: Rewriter = {
      leaf(leaf, label, depth) {
        const text =
          typeof leaf === 'string'
            ? leaf
            : wholeDigits(typeof leaf === 'number' ? String(leaf) : leaf.rawJSON);
        if (text === undefined) return leaf;
        const findings = wanted(text, scanText(typeof leaf === 'string' ? enabled : forNumbers, text, label));
        if (findings.length === 0) return leaf;
        count(findings, depth);
        const masked = maskText(text, findings);
        return typeof leaf === 'string' && embedded < MAX_EMBEDDED
          ? (keepJson(leaf, masked, embedded) ?? masked)
          : masked;
      },
      key: config.scan_keys
        ? (name, depth) => {
            const findings = wanted(name, scanText(enabled, name, ''));
            if (findings.length === 0) return name;
            count(findings, depth);
            return maskText(name, findings);
          }
        : undefined,
      skip: embedded === 0 ? skip : undefined,
    };
    return { value: rewrite(value, rewriter), counts, found, deepest };
  };

  /**
   * A string that holds JSON must still hold JSON afterwards: a masked number in it would not parse. Undefined when the
   * plain way is fine, or when member by member would miss what the text as a whole shows.
   */
  const keepJson = (text: string, masked: string, embedded: number): string | undefined => {
    if (!/^\s*[[{]/.test(text) || parseEmbedded(masked) !== undefined) return undefined;
    const parsed = parseEmbedded(text);
    if (parsed === undefined) return undefined;
    const rewritten = JSON.stringify(filter(parsed.value, embedded + 1).value);
    return wanted(rewritten, scanText(enabled, rewritten, '')).length === 0 ? rewritten : undefined;
  };

  return (value) => filter(value, 0);
}

function parseEmbedded(text: string): { readonly value: JsonValue } | undefined {
  try {
    const value = JSON.parse(text, (_key, member, { source }) =>
      typeof member === 'number' && source !== undefined && String(member) !== source
        ? JSON.rawJSON(source)
        : member,
    );
    return { value: value as JsonValue };
  } catch {
    return undefined;
  }
}
