import type { Upstream } from '../../upstream/upstream.js';
import type { Tool } from '../tool.js';

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
    async run(params, { context: _, ...run }) {
      return { result: await upstream.request('tools/call', params, run) };
    },
    sibling: (other) => upstreamTool(upstream, other),
  };
}
