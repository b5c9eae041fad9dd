import type { StoredApp } from './stored-apps.js';

/** Whether an app may use a tool: the server that it comes from and its own name there. */
export type MayUseTool = (server: string, tool: string) => boolean;

/**
 * What an app may use of tools; undefined: every one. It names them by the id of a tool object, which stands for that
 * object's operations, or as `server/tool` and `server/*`.
 */
export function allowedTools({ app, tools }: StoredApp): MayUseTool | undefined {
  const named = app.allowed.tools;
  if (named.includes('*')) return undefined;
  const allowed = new Set(named.filter((name) => name.includes('/')));
  for (const { id, kind, server, plugin, operations } of tools) {
    allowed.add(`${id}/*`);
    const from = kind === 'mcp' ? server : plugin;
    if (from === undefined) continue;
    for (const { name, target = name } of operations) allowed.add(`${from}/${target}`);
  }
  return (server, tool) => allowed.has(`${server}/${tool}`) || allowed.has(`${server}/*`);
}
