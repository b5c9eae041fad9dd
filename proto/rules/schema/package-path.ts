/**
 * Whether a path leaves the package when its text alone is followed: absolute, with a drive or a scheme, through
 * `..`, with a backslash or a NUL. Links are another matter; they are looked at on disk.
 */
export function escapesPackage(path: string): boolean {
  if (path === '' || path.startsWith('/') || /^[A-Za-z][A-Za-z0-9+.-]*:/.test(path)) return true;
  if (path.includes('\\') || path.includes('\0')) return true;
  return path.split('/').includes('..');
}
