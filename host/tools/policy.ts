import { createHash } from 'node:crypto';
import type { ToolPolicy, ToolsConfig } from '../config/config.js';
import { toolId, type Tool } from './tool.js';

/** The policy that a call was judged by, as it is kept with approvals, events and audit. */
export interface PolicySnapshot {
  readonly tool: string;
  readonly policy: ToolPolicy;
  /** Whether an operator listed the tool. */
  readonly listed: boolean;
  /** SHA-256 of all that `tools.expose` said then. */
  readonly rules: string;
}

/** What operators decided about tools. */
export interface ToolPolicies {
  /**
   * What holds for a tool now. A plugin's tool that nobody listed is denied, an HTTP tool is ruled as the strictest
   * listed one of its object, another one is allowed.
   */
  judge(tool: Pick<Tool, 'server' | 'name' | 'kind'>): PolicySnapshot;
  /** Whether callers may know of the tool. */
  shows(tool: Pick<Tool, 'server' | 'name' | 'kind'>): boolean;
  /** Differs when anything is ruled differently. */
  readonly rules: string;
  /** Whether any tool of this server is denied; then its lists are looked through. */
  hidesOf(server: string): boolean;
}

const STRICTNESS: Readonly<Record<ToolPolicy, number>> = { allow: 0, require_approval: 1, deny: 2 };

/** @param contributed servers that plugins brought along: their tools are as a plugin's own */
export function createToolPolicies(
  { expose }: Pick<ToolsConfig, 'expose'>,
  contributed: ReadonlySet<string> = new Set(),
): ToolPolicies {
  const listed = new Map(Object.entries(expose));
  const rules = createHash('sha256')
    .update(JSON.stringify([...listed].toSorted(([a], [b]) => (a < b ? -1 : 1))))
    .digest('hex');
  // A tool object takes new operations from whoever may change it; none is a way around what was ruled on its others.
  const strictest = new Map<string, ToolPolicy>();
  for (const [id, policy] of listed) {
    const server = id.slice(0, id.indexOf('/'));
    if (STRICTNESS[policy] > STRICTNESS[strictest.get(server) ?? 'allow']) strictest.set(server, policy);
  }
  const judge: ToolPolicies['judge'] = (tool) => {
    const id = toolId(tool);
    const given = listed.get(id);
    const ofPlugin = tool.kind === 'plugin' || contributed.has(tool.server);
    const unlisted = tool.kind === 'http' ? (strictest.get(tool.server) ?? 'allow') : 'allow';
    const policy = given ?? (ofPlugin ? 'deny' : unlisted);
    return { tool: id, policy, listed: given !== undefined, rules };
  };
  return {
    judge,
    shows: (tool) => judge(tool).policy !== 'deny',
    rules,
    hidesOf: (server) =>
      contributed.has(server) ||
      [...listed].some(([id, policy]) => policy === 'deny' && id.startsWith(`${server}/`)),
  };
}
