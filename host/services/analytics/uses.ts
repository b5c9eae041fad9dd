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

/** A call of a tool, whoever made it. */
export function useOfTool({ call, tool, outcome, durationMs }: EndedCall): Use {
  const counted =
    outcome === 'ok' ? 'ok' : outcome === 'denied' || outcome === 'pending' ? 'denied' : 'failed';
  return {
    kind: 'tool',
    plugin: tool.owner?.name ?? '',
    name: toolId(tool),
    appId: call.caller.appId ?? '',
    outcome: counted,
    durationMs,
  };
}
