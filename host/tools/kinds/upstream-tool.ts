import type { Upstream, UpstreamRequest } from '../../upstream/upstream.js';
import type { Tool, ToolRun } from '../tool.js';

/** A tool of an upstream MCP server. Params and result pass as they are; the server checks its own input. */
export function upstreamTool(upstream: Upstream, name: string): Tool {
  return {
    server: upstream.name,
    name,
    kind: 'mcp',
    effect: 'unknown',
    assertReady: () => {
      upstream.assertReady();
    },
    async run(params, run) {
      return { result: await upstream.request('tools/call', params, requestOf(run)) };
    },
    sibling: (other) => upstreamTool(upstream, other),
  };
}

function requestOf({ signal, timeoutMs, headers, caller, onProgress }: ToolRun): UpstreamRequest {
  return {
    signal,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(headers === undefined ? {} : { headers }),
    ...(caller === undefined ? {} : { caller }),
    ...(onProgress === undefined ? {} : { onProgress }),
  };
}
