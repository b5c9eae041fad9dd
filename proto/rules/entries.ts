/** How an entry under `plugins` or `mcp_servers` may be named. */
export const ENTRY_NAME = '^[A-Za-z_][A-Za-z0-9_.-]{0,62}$';

const DIRECTORY = /^(?:\.{0,2}\/|\.{1,2}$|file:)/;

/** Whether `plugin` of an entry names a directory, and no installed plugin. */
export function namesDirectory(plugin: string): boolean {
  return DIRECTORY.test(plugin);
}
