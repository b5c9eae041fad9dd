import type { DaemonStatus } from '../admin/status.js';
import { renderNotices } from './render-notices.js';
import { renderPlugins, renderUpstreams } from './render-status.js';
import { renderFields } from './table.js';

const INSPECTOR = '@modelcontextprotocol/inspector@2.12.0';
const PAYLOAD =
  '{"payload":{"name":"echo","args":{"message":"card 4111-1111-1111-1111","n":9007199254740993}}}';

/** What a person sees when the daemon has started: where it listens, what runs, and two commands to try. */
export function renderBanner(status: DaemonStatus): string {
  const { data, control } = status.listen;
  const single = status.upstreams.map(({ name }) => `/mcp/${name}`).join(', ');
  const waiting = status.readiness.waiting_for.join(', ');
  const parts = [
    `Bulkhead ${status.version} runs (${status.environment}, process ${status.pid}, ${status.config_file})\n`,
    renderFields([
      ['MCP', `${data}/mcp${single === '' ? '' : `  (one server each: ${single})`}`],
      ['hooks', `${data}/hooks`],
      ['readiness', `${control}/readyz  ${waiting === '' ? 'ready' : `not ready, waiting for ${waiting}`}`],
    ]),
    renderPlugins(status.plugins),
    renderUpstreams(status.upstreams),
    ...(status.notices.length === 0 ? [] : [renderNotices(status.notices)]),
    [
      'Try, in another terminal:',
      `  curl -s ${data}/hooks/tool_pre_invoke -H 'content-type: application/json' -d '${PAYLOAD}'`,
      `  npx --yes ${INSPECTOR} --cli ${data}/mcp --transport http --method tools/list`,
      '',
      'Stop it with Ctrl-C.',
      '',
    ].join('\n'),
  ];
  return `\n${parts.join('\n')}\n`;
}
