/**
 * Globs over names: tools, URIs, tenants, addresses. Not paths: `*` stands for any text, slashes, dots and line
 * breaks too, because a guard that is bound to `file:///srv/*` must also see `file:///srv/../etc/passwd`.
 * (Path globs such as picomatch's let both escape.) Time is linear in the name for every pattern, since names
 * come from callers.
 */

type OneCharacter = (code: number) => boolean;

/** Text between two stars: as it stands, or, with `?` and `[…]`, character by character. */
type Segment = string | readonly OneCharacter[];

/** More alternatives than this from `{a,b}{c,d}…` are refused. */
const MAX_ALTERNATIVES = 256;

/** Whether the pattern is more than an exact name. */
export function isGlob(pattern: string): boolean {
  return /[*?[{\\]/.test(pattern);
}

/**
 * Compiles `*`, `?`, `[a-z]`, `[!a-z]` and `{one,two}`; a backslash takes the meaning from the next character.
 * A bracket or brace without its partner stands for itself.
 *
 * @throws RangeError when the braces make more than 256 alternatives
 */
export function compileGlob(pattern: string): (name: string) => boolean {
  const alternatives = expandBraces(pattern).map(compileStars);
  const [only] = alternatives;
  if (only !== undefined && alternatives.length === 1) return only;
  return (name) => alternatives.some((matches) => matches(name));
}

function expandBraces(pattern: string): string[] {
  const open = firstBrace(pattern);
  if (open === undefined) return [pattern];
  const head = pattern.slice(0, open.start);
  const tails = expandBraces(pattern.slice(open.end + 1));
  const expanded = open.options
    .flatMap(expandBraces)
    .flatMap((option) => tails.map((tail) => head + option + tail));
  if (expanded.length > MAX_ALTERNATIVES) {
    throw new RangeError(`glob '${pattern}': expected at most ${String(MAX_ALTERNATIVES)} alternatives`);
  }
  return expanded;
}

function firstBrace(pattern: string): { start: number; end: number; options: string[] } | undefined {
  for (let start = 0; start < pattern.length; start++) {
    if (pattern[start] === '\\') start++;
    else if (pattern[start] === '{') {
      const found = closeBrace(pattern, start);
      if (found !== undefined) return { start, ...found };
    }
  }
  return undefined;
}

function closeBrace(pattern: string, start: number): { end: number; options: string[] } | undefined {
  const options: string[] = [];
  let depth = 0;
  let from = start + 1;
  for (let i = start; i < pattern.length; i++) {
    const character = pattern[i];
    if (character === '\\') i++;
    else if (character === '{') depth++;
    else if (character === ',' && depth === 1) {
      options.push(pattern.slice(from, i));
      from = i + 1;
    } else if (character === '}' && --depth === 0) {
      if (options.length === 0) return undefined;
      return { end: i, options: [...options, pattern.slice(from, i)] };
    }
  }
  return undefined;
}

function compileStars(pattern: string): (name: string) => boolean {
  const segments = splitAtStars(pattern);
  const first = segments[0] ?? '';
  const last = segments[segments.length - 1] ?? '';
  if (segments.length === 1) return (name) => name.length === first.length && standsAt(first, name, 0);
  const middle = segments.slice(1, -1);
  return (name) => {
    const end = name.length - last.length;
    if (end < first.length || !standsAt(first, name, 0) || !standsAt(last, name, end)) return false;
    // The leftmost place for each part leaves the most room for the next, so no other place need be tried.
    let position = first.length;
    for (const segment of middle) {
      const found = find(segment, name, position, end);
      if (found === -1) return false;
      position = found + segment.length;
    }
    return position <= end;
  };
}

function splitAtStars(pattern: string): Segment[] {
  const segments: Segment[] = [];
  let text = '';
  let tests: OneCharacter[] = [];
  let plain = true;
  const add = (character: string): void => {
    text += character;
    const code = character.charCodeAt(0);
    tests.push((other) => other === code);
  };
  for (let i = 0; i < pattern.length; i++) {
    const character = pattern.charAt(i);
    const set = character === '[' ? /^\[(!|\^)?(\]?[^\]]*)\]/.exec(pattern.slice(i)) : null;
    if (character === '*') {
      segments.push(plain ? text : tests);
      [text, tests, plain] = ['', [], true];
    } else if (character === '?') {
      plain = false;
      tests.push(() => true);
    } else if (set?.[2] !== undefined && set[2] !== '') {
      plain = false;
      tests.push(characterSet(set[2], set[1] !== undefined));
      i += set[0].length - 1;
    } else if (character === '\\' && i + 1 < pattern.length) add(pattern.charAt(++i));
    else add(character);
  }
  return [...segments, plain ? text : tests];
}

function characterSet(body: string, negated: boolean): OneCharacter {
  const ranges: [number, number][] = [];
  for (let i = 0; i < body.length; i++) {
    const from = body.charCodeAt(i);
    const ranged = body[i + 1] === '-' && i + 2 < body.length;
    ranges.push([from, ranged ? body.charCodeAt(i + 2) : from]);
    if (ranged) i += 2;
  }
  return (code) => ranges.some(([from, to]) => code >= from && code <= to) !== negated;
}

function standsAt(segment: Segment, name: string, position: number): boolean {
  if (typeof segment === 'string') return name.startsWith(segment, position);
  return segment.every((test, i) => position + i < name.length && test(name.charCodeAt(position + i)));
}

function find(segment: Segment, name: string, from: number, end: number): number {
  if (typeof segment === 'string') {
    const found = name.indexOf(segment, from);
    return found !== -1 && found + segment.length <= end ? found : -1;
  }
  for (let at = from; at + segment.length <= end; at++) if (standsAt(segment, name, at)) return at;
  return -1;
}
