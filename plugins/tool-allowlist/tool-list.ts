import { compileGlob } from './glob.js';

/** Longer names are not matched against globs: nobody's tool is called that, and a glob costs more the longer the name. */
export const MAX_NAME_LENGTH = 256;

/** A tool as a list sees it. */
export interface ToolName {
  /** The upstream server's own name of the tool. */
  readonly name: string;
  /** The server, where the host says which it is. */
  readonly serverId: string | undefined;
}

/** Whether a tool is on a list. */
export type ToolList = (tool: ToolName) => boolean;

/**
 * Compiles a list of names (`echo`), names on one server (`files/read`) and globs (`read_*`, `files/*`). An entry with a
 * slash is held against `<server>/<name>`, one without against the name; `*` also stands for slashes.
 */
export function compileToolList(entries: readonly string[]): ToolList {
  const exact = new Set(entries);
  const globs = entries.filter((entry) => /[*?]/.test(entry));
  const plain = globs.filter((entry) => !entry.includes('/')).map(compileGlob);
  const qualified = globs.filter((entry) => entry.includes('/')).map(compileGlob);
  return ({ name, serverId }) => {
    if (name.length > MAX_NAME_LENGTH) return false;
    // A server cannot give its tool the qualified name of another server's: with a server known, a slash is the server's.
    if ((serverId === undefined || !name.includes('/')) && exact.has(name)) return true;
    const full = serverId === undefined ? name : `${serverId}/${name}`;
    return (
      (full !== name && exact.has(full)) ||
      plain.some((matches) => matches(name)) ||
      (full.includes('/') && qualified.some((matches) => matches(full)))
    );
  };
}
