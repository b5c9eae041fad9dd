import type { PatternConfig } from '../config.js';
import type { Detector, Span } from './detector.js';

/**
 * A pattern of the operator's own. Its running time is the operator's too: unlike the detectors it may be slow on text
 * made for it, and then the call's deadline ends it.
 *
 * @throws SyntaxError when `regex` is no regular expression
 */
export function createPattern({ name, regex, replacement }: PatternConfig): Detector {
  const expression = new RegExp(regex, 'gu');
  return {
    name,
    numbers: true,
    anyText: true,
    ...(replacement === undefined ? {} : { replacement }),
    find(text) {
      const spans: Span[] = [];
      for (const { index, 0: match } of text.matchAll(expression)) {
        if (match !== '') spans.push({ start: index, end: index + match.length });
      }
      return spans;
    },
    canonical: (value) => value,
    partial: () => `[${name.toUpperCase()}]`,
  };
}
