import { isDigit, isSeparator } from './characters.js';

/** An unbroken run of digits in a text. */
export interface DigitGroup {
  readonly start: number;
  readonly end: number;
}

/** More than this between two groups and they belong to different things: "4111 - 1111" has three. */
const MAX_SEPARATORS = 3;

/**
 * The digit groups of a text, in chains: within a chain at most {@link MAX_SEPARATORS} separator characters stand
 * between one group and the next. One pass.
 */
export function digitChains(text: string): DigitGroup[][] {
  const chains: DigitGroup[][] = [];
  let chain: DigitGroup[] = [];
  let position = 0;
  while (position < text.length) {
    if (!isDigit(text.charCodeAt(position))) {
      position += 1;
      continue;
    }
    const start = position;
    while (position < text.length && isDigit(text.charCodeAt(position))) position += 1;
    const previous = chain.at(-1);
    if (previous !== undefined && !joined(text, previous.end, start)) {
      chains.push(chain);
      chain = [];
    }
    chain.push({ start, end: position });
  }
  if (chain.length > 0) chains.push(chain);
  return chains;
}

function joined(text: string, from: number, to: number): boolean {
  if (to - from > MAX_SEPARATORS) return false;
  for (let index = from; index < to; index += 1) {
    if (!isSeparator(text.charAt(index))) return false;
  }
  return true;
}
