import type { Clock } from '../../clock.js';

const PER_MS = 1_000;

/**
 * Versions of new keys. They grow with time, so that a key that was removed and made again has not the version of before:
 * who has seen the first one does not swap the second.
 */
export function createVersions(clock: Clock): () => number {
  let last = 0;
  return () => (last = Math.max(last + 1, Math.floor(clock.now()) * PER_MS));
}
