import { isSchema, resolveLocal } from './closed-schema.js';
import type { JsonSchema } from './problem.js';

/** Keywords whose cost no size bounds: names are matched by patterns, items compared with each other, references found at run time. */
const COSTLY: ReadonlySet<string> = new Set([
  'patternProperties',
  'uniqueItems',
  '$dynamicRef',
  '$recursiveRef',
]);
/** Below the root they change what a reference means. */
const IDS: ReadonlySet<string> = new Set(['$id', '$anchor', '$dynamicAnchor', '$recursiveAnchor']);
/** What is below them has names of its own. */
const MAPS: ReadonlySet<string> = new Set([
  'properties',
  '$defs',
  'definitions',
  'dependentSchemas',
  'dependentRequired',
  'dependencies',
]);
/** What is below them is data. */
const DATA: ReadonlySet<string> = new Set(['enum', 'const', 'default', 'examples']);

/** Characters of a schema with its references written out; one that has more is not looked at any further. */
const MAX_WRITTEN_OUT = 200_000;
/** Each place of a schema may meet each place of a value: characters of one times those of the other. */
const MAX_PRODUCT = 20_000_000;

/**
 * Whether a check takes no longer than its sizes say, whoever wrote schema and value, so that the event loop can do it
 * itself. It errs to the safe side.
 */
export function createCostJudge(schema: JsonSchema): (valueChars: number) => boolean {
  const chars = writtenOut(schema);
  return (valueChars) => chars * Math.max(1, valueChars) <= MAX_PRODUCT;
}

/** About how many characters it has with its references written out; Infinity where its size does not tell its cost. */
function writtenOut(root: JsonSchema): number {
  let chars = 0;
  const add = (more: number): boolean => {
    chars += more;
    return chars <= MAX_WRITTEN_OUT;
  };
  /** @param refs those that led here: one of them again would have no end */
  const isBounded = (schema: unknown, refs: readonly string[]): boolean => {
    if (!add(1)) return false;
    if (Array.isArray(schema)) return schema.every((one) => isBounded(one, refs));
    if (!isSchema(schema)) return add(typeof schema === 'string' ? schema.length : 1);
    return Object.entries(schema).every(([key, value]) => {
      if (!add(key.length) || COSTLY.has(key) || (IDS.has(key) && schema !== root)) return false;
      if (key === 'pattern' && !(typeof value === 'string' && isLinearPattern(value))) return false;
      if (DATA.has(key)) return add(JSON.stringify(value).length);
      if (MAPS.has(key) && isSchema(value))
        return Object.entries(value).every(([name, one]) => add(name.length) && isBounded(one, refs));
      if (key !== '$ref') return isBounded(value, refs);
      if (typeof value !== 'string' || refs.includes(value)) return false;
      const target = resolveLocal(value, root);
      return target !== undefined && isBounded(target, [...refs, value]);
    });
  };
  try {
    return isBounded(root, []) ? chars : Infinity;
  } catch {
    // It nests deeper than the stack, or a reference cannot be read.
    return Infinity;
  }
}

const MAX_PATTERN_CHARS = 200;
/** What a pattern is made of: an escape, a class of characters, or one character. */
const PARTS = /\\[^]|\[(?:\\[^]|[^\]\\])*\]|[^]/gu;
/** Backward references, and escapes in braces, which would be taken for a quantifier. */
const REFERENCE = /\\(?:[1-9kpPu])/;
const QUANTIFIER = /^(?:[*+?]|\{\d+(?:,\d*)?\})/;

/**
 * Whether a pattern is tried in few ways: with a quantifier, from the start of the text alone, one quantifier, none after a
 * group and without a choice; without one, at most one group of choices.
 */
function isLinearPattern(pattern: string): boolean {
  if (pattern.length > MAX_PATTERN_CHARS || pattern.includes('(?') || REFERENCE.test(pattern)) return false;
  let quantifiers = 0;
  let groups = 0;
  let before = '';
  let at = 0;
  while (at < pattern.length) {
    const rest = pattern.slice(at);
    const quantifier = QUANTIFIER.exec(rest)?.[0];
    if (quantifier !== undefined) {
      if (before === ')') return false;
      quantifiers += 1;
      at += quantifier.length;
      // Makes it lazy; no choice of its own.
      if (pattern[at] === '?') at += 1;
      before = '';
      continue;
    }
    PARTS.lastIndex = 0;
    before = PARTS.exec(rest)?.[0] ?? '';
    if (before === '(') groups += 1;
    if (before === '' || groups > 1) return false;
    at += before.length;
  }
  // Without the anchor the match is tried from every place of the text; a choice beside the anchor would not be under it.
  return quantifiers === 0 || (quantifiers === 1 && pattern.startsWith('^') && !pattern.includes('|'));
}
