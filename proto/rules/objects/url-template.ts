const PLACE = /\{([^{}]*)\}/g;
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;

/** The names of the places of a URL template, in order, each once. */
export function placesOf(template: string): readonly string[] {
  return [...new Set([...template.matchAll(PLACE)].map((match) => match[1] ?? ''))];
}

/**
 * What is wrong with a URL template; undefined: nothing. A place stands in the path or the query, so that no argument
 * decides which server is asked.
 */
export function templateFault(template: string): string | undefined {
  const rest = template.replaceAll(PLACE, '');
  if (/[{}]/.test(rest)) return 'expected each { with its }';
  const wrong = placesOf(template).find((name) => !NAME.test(name));
  if (wrong !== undefined) return `expected {name} with letters, digits and underscores, got {${wrong}}`;
  const origin = /^https?:\/\/[^/?#]*/.exec(template)?.[0];
  if (origin?.includes('{') === true) return 'expected places only in the path and the query';
  return httpUrlFault(template.replaceAll(PLACE, 'x'));
}

/** What is wrong with a URL that the host is to ask; undefined: nothing. */
export function httpUrlFault(value: string): string | undefined {
  const url = URL.parse(value);
  if (url === null || !['http:', 'https:'].includes(url.protocol))
    return 'expected an http:// or https:// URL';
  if (url.username !== '' || url.password !== '') return 'expected no user and password in the URL';
  return undefined;
}
