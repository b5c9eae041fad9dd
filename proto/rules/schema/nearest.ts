import { closest, distance } from 'fastest-levenshtein';

/** The candidate that somebody who wrote `name` most likely meant; undefined when none is near. */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  if (candidates.length === 0 || name.length > 100) return undefined;
  const wanted = fold(name);
  const folded = new Map(candidates.map((candidate) => [fold(candidate), candidate]));
  const found = closest(wanted, [...folded.keys()]);
  // A third of the letters may be wrong, or two that changed places: `mdoe` finds `mode`, `banana` finds nothing.
  const length = Math.max(wanted.length, found.length);
  const near = distance(wanted, found) <= Math.max(length < 4 ? 1 : 2, Math.floor(length / 3));
  return near ? folded.get(found) : undefined;
}

/** ` Did you mean 'x'?`, or nothing. */
export function didYouMean(name: string, candidates: readonly string[]): string {
  const found = nearest(name, candidates);
  return found === undefined ? '' : ` Did you mean '${found}'?`;
}

// camelCase, kebab-case and snake_case of one word are the same word.
function fold(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replaceAll('-', '_');
}
