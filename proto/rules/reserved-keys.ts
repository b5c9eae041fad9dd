/**
 * Names that a plugin may not give to an entry of its metadata or shared state: what the host writes itself
 * (`bulkhead.…`, `plugin:<id>`), and names that mean something to JavaScript objects.
 */
export function isReservedKey(name: string): boolean {
  return /^(?:__|bulkhead(?:[.:_-]|$)|plugin:|constructor$|prototype$|$)/.test(name);
}
