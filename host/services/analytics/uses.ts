import type { PluginRecord } from '../../dispatch/invocation.js';
import type { EndedCall } from '../../tools/tool-report.js';
import { toolId } from '../../tools/tool.js';
import type { ServiceCall } from '../guard.js';
import type { Use } from './usage-meter.js';

/** A run of a hook, as usage counts it: by what became of it. */
export function useOfRecord({ plugin, hook, effective, status, durationMs }: PluginRecord): Use {
  const outcome = status !== 'completed' ? 'failed' : effective === 'deny' ? 'denied' : 'ok';
  return { kind: 'hook', plugin, name: hook, appId: '', outcome, durationMs };
}

/** A call of the Service API. */
export function useOfCall({ plugin, method, outcome, durationMs }: ServiceCall): Use {
  const name = method.replace(/^\/bulkhead\.host\.v1\./, '');
  return {
    kind: 'service',
    plugin,
    name,
    appId: '',
    outcome: outcome === 'error' ? 'failed' : outcome,
    durationMs,
  };
}

/** Names of upstream tools that are kept apart, and characters of one. */
const MAX_KNOWN = 10_000;
const MAX_NAME_CHARS = 200;

/**
 * Calls of tools, whoever made them. The name of an upstream's tool is the caller's word until the upstream answered it
 * once; until then it counts as `server/*`.
 */
export function createToolUses(): (ended: EndedCall) => Use {
  const known = new Set<string>();
  return ({ call, tool, outcome, durationMs }) => {
    const name = toolId(tool)
      .replaceAll(/\p{Cc}/gu, ' ')
      .slice(0, MAX_NAME_CHARS)
      .toWellFormed();
    if (tool.kind === 'mcp' && outcome === 'ok' && known.size < MAX_KNOWN) known.add(name);
    const counted =
      outcome === 'ok' ? 'ok' : outcome === 'denied' || outcome === 'pending' ? 'denied' : 'failed';
    return {
      kind: 'tool',
      plugin: tool.owner?.name ?? '',
      name: tool.kind === 'mcp' && !known.has(name) ? `${tool.server}/*` : name,
      appId: call.caller.appId ?? '',
      outcome: counted,
      durationMs,
    };
  };
}
