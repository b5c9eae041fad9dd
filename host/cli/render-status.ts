import { listAt, memberAt, numberAt, textAt } from './read.js';
import { renderDuration, renderFields, renderTable } from './table.js';

/** A daemon's status for people. */
export function renderStatus(status: unknown): string {
  const readiness = memberAt(status, 'readiness');
  const waiting = listAt(readiness, 'waiting_for').join(', ');
  const listen = memberAt(status, 'listen');
  const sandbox = memberAt(status, 'sandbox');
  const parts = [
    renderFields([
      ['state', `${textAt(readiness, 'state')}${waiting === '' ? '' : ` (waiting for ${waiting})`}`],
      [
        'version',
        `${textAt(status, 'version')} on Node ${textAt(status, 'node')}, process ${textAt(status, 'pid')}`,
      ],
      ['up', renderDuration(numberAt(status, 'uptime_ms'))],
      ['environment', textAt(status, 'environment')],
      ['configuration', textAt(status, 'config_file')],
      ['data', textAt(status, 'data_dir')],
      ['data plane', textAt(listen, 'data')],
      ['control plane', textAt(listen, 'control')],
      ...(sandbox === undefined
        ? []
        : [['sandbox', `${textAt(sandbox, 'kind')} (${textAt(sandbox, 'why')})`] as const]),
      ...(textAt(sandbox, 'users') === '' ? [] : [['users', textAt(sandbox, 'users')] as const]),
      ...listAt(sandbox, 'exceptions').map(
        (one) => ['as root', `${textAt(one, 'plugin')}: ${textAt(one, 'why')}`] as const,
      ),
    ]),
    renderPlugins(listAt(status, 'plugins')),
    renderUpstreams(listAt(status, 'upstreams')),
    ...renderNotices(listAt(status, 'notices')),
  ];
  return parts.join('\n');
}

/** One line a plugin. */
export function renderPlugins(plugins: readonly unknown[]): string {
  if (plugins.length === 0) return 'No plugins are configured.\n';
  return renderTable(
    ['PLUGIN', 'VERSION', 'MODE', 'STATE', 'HEALTH', 'RESTARTS', 'PID', 'NOTE'],
    plugins.map((plugin) => [
      textAt(plugin, 'name'),
      textAt(plugin, 'version'),
      textAt(plugin, 'mode'),
      textAt(plugin, 'state'),
      textAt(plugin, 'health'),
      textAt(plugin, 'restarts'),
      listAt(plugin, 'pids').join(','),
      textAt(plugin, 'reason'),
    ]),
  );
}

export function renderUpstreams(upstreams: readonly unknown[]): string {
  if (upstreams.length === 0) return 'No upstream servers are configured.\n';
  return renderTable(
    ['UPSTREAM', 'TRANSPORT', 'STATE', 'NOTE'],
    upstreams.map((upstream) => [
      textAt(upstream, 'name'),
      textAt(upstream, 'transport'),
      textAt(upstream, 'state'),
      textAt(upstream, 'reason'),
    ]),
  );
}

function renderNotices(notices: readonly unknown[]): readonly string[] {
  if (notices.length === 0) return [];
  return [notices.map((notice) => `${textAt(notice, 'code')}: ${textAt(notice, 'message')}\n`).join('')];
}
