import type { Path } from './rewrite.js';

/**
 * Compiles values that are nobody's personal data, such as `*@example.com` or `+1 800 *`. A star stands for any
 * characters; letters match in either case. No regular expression, so that no pattern can be slow.
 */
export function compileAllowedValues(patterns: readonly string[]): (value: string) => boolean {
  const compiled = patterns.map((pattern) => pattern.toLowerCase().split('*'));
  return (value) => {
    const text = value.toLowerCase();
    return compiled.some((parts) => matchesParts(text, parts));
  };
}

function matchesParts(text: string, parts: readonly string[]): boolean {
  const first = parts[0] ?? '';
  const last = parts.at(-1) ?? '';
  if (parts.length === 1) return text === first;
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last))
    return false;
  let position = first.length;
  const end = text.length - last.length;
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, position);
    if (found < 0 || found + part.length > end) return false;
    position = found + part.length;
  }
  return true;
}

/**
 * Compiles fields that are left alone: the name of a member at any depth (`trace_id`), or a JSON pointer in which `*`
 * stands for one name or index: `/people/*`. Names match exactly.
 */
export function compileAllowedFields(fields: readonly string[]): ((path: Path) => boolean) | undefined {
  if (fields.length === 0) return undefined;
  const names = new Set(fields.filter((field) => !field.startsWith('/')));
  const pointers = fields
    .filter((field) => field.startsWith('/'))
    .map((field) =>
      field
        .slice(1)
        .split('/')
        .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~')),
    );
  return (path) => {
    const last = path.at(-1);
    if (typeof last === 'string' && names.has(last)) return true;
    return pointers.some(
      (parts) =>
        parts.length === path.length && parts.every((part, at) => part === '*' || part === String(path[at])),
    );
  };
}
