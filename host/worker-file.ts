/**
 * The compiled file of a thread's module. A thread runs what the build made, also when a test runner reads the sources.
 *
 * @param moduleUrl `import.meta.url` of the module beside it
 * @param name its file name with `.js`
 */
export function workerFile(moduleUrl: string, name: string): URL {
  const beside = new URL(name, moduleUrl);
  if (!import.meta.url.endsWith('.ts')) return beside;
  const root = new URL('.', import.meta.url).href;
  return new URL(beside.href.slice(root.length), new URL('dist/', root));
}
