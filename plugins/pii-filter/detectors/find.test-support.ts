import type { Detector } from './detector.js';

/** The texts that a detector finds. */
export function found(detector: Detector, text: string, label = ''): string[] {
  return detector.find(text, label).map(({ start, end }) => text.slice(start, end));
}
