/** A declared path, `/orders/{id}`, cut into parts. */
export type RoutePattern = readonly (
  { readonly kind: 'text'; readonly text: string } | { readonly kind: 'place'; readonly name: string }
)[];

const PLACE = /^\{([A-Za-z_][A-Za-z0-9_]*)\}$/;
// What separates parts, or ends a text for whoever reads it in C.
const UNSAFE = /[/\\\p{Cc}]/u;

/** @returns undefined when the path is none that a request could ever have */
export function parseRoutePattern(path: string): RoutePattern | undefined {
  const parts = splitPath(path);
  if (parts === undefined) return undefined;
  const pattern = parts.map((part) => {
    const name = PLACE.exec(part)?.[1];
    return name === undefined ? ({ kind: 'text', text: part } as const) : ({ kind: 'place', name } as const);
  });
  const names = pattern.flatMap((part) => (part.kind === 'place' ? [part.name] : []));
  return new Set(names).size === names.length ? pattern : undefined;
}

/**
 * The parts of a path, decoded once. Whatever another reader could take for another path is no path here: a part that is
 * `.`, `..` or empty, a slash or backslash that was encoded, a control character, an encoding that is none.
 */
export function splitPath(path: string): readonly string[] | undefined {
  if (!path.startsWith('/')) return undefined;
  if (path === '/') return [];
  const parts: string[] = [];
  for (const raw of path.slice(1).split('/')) {
    let part: string;
    try {
      part = decodeURIComponent(raw);
    } catch {
      return undefined;
    }
    if (part === '' || part === '.' || part === '..' || UNSAFE.test(part)) return undefined;
    parts.push(part);
  }
  return parts;
}

/** The values of the places, when the path fits. */
export function matchRoute(
  pattern: RoutePattern,
  parts: readonly string[],
): Readonly<Record<string, string>> | undefined {
  if (pattern.length !== parts.length) return undefined;
  const params: [string, string][] = [];
  for (const [index, wanted] of pattern.entries()) {
    const part = parts[index] ?? '';
    if (wanted.kind === 'place') params.push([wanted.name, part]);
    else if (wanted.text !== part) return undefined;
  }
  return Object.fromEntries(params);
}

/** A pattern with more text, and earlier, comes first: `/orders/new` before `/orders/{id}`. */
export function compareRoutes(a: RoutePattern, b: RoutePattern): number {
  for (const [index, part] of a.entries()) {
    const other = b[index];
    if (other !== undefined && part.kind !== other.kind) return part.kind === 'text' ? -1 : 1;
  }
  return 0;
}
