import { createHmac, randomBytes } from 'node:crypto';
import type { Strategy } from './config.js';
import type { Detector } from './detectors/detector.js';

/** Hexadecimal digits of the digest that are kept: 64 bits, enough to tell values apart. */
const HASH_CHARACTERS = 16;

/**
 * Writes what stands in place of a value.
 *
 * @param exact false when other matches overlapped and the text is more than the detector's own match
 */
export type Mask = (detector: Detector, strategy: Strategy, text: string, exact: boolean) => string;

/**
 * @param hashKey key of the `hash` strategy. Without one a random key serves for the life of the process: equal values
 *   then give equal hashes until the next start. A hash without a key could be undone by trying all card numbers.
 */
export function createMask(hashKey: string | undefined): Mask {
  const key = hashKey ?? randomBytes(32);
  return (detector, strategy, text, exact) => {
    if (detector.replacement !== undefined) return detector.replacement;
    const label = detector.name.toUpperCase();
    switch (strategy) {
      case 'remove':
        return '';
      case 'hash': {
        const digest = createHmac('sha256', key).update(
          `${detector.name}\0${exact ? detector.canonical(text) : text}`,
        );
        return `[${label}:${digest.digest('hex').slice(0, HASH_CHARACTERS)}]`;
      }
      case 'partial':
        return exact ? detector.partial(text) : `[${label}]`;
      case 'redact':
        return `[${label}]`;
    }
  };
}
