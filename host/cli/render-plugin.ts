import { listAt, textAt } from './read.js';
import { renderFields, renderTable } from './table.js';

/** Everything about one plugin, for people. */
export function renderPlugin(plugin: unknown): string {
  const reason = textAt(plugin, 'reason');
  const hooks = listAt(plugin, 'hooks');
  const fields = renderFields([
    ['name', textAt(plugin, 'name')],
    ['id', textAt(plugin, 'id')],
    ['version', textAt(plugin, 'version')],
    ['directory', textAt(plugin, 'directory')],
    ['mode', `${textAt(plugin, 'mode')}${textAt(plugin, 'guard') === 'true' ? ', guards' : ''}`],
    ['state', textAt(plugin, 'state')],
    ['health', textAt(plugin, 'health')],
    ...(reason === '' ? [] : [['why', reason] as const]),
    ['processes', listAt(plugin, 'pids').join(', ') || 'none'],
    ['restarts', textAt(plugin, 'restarts')],
    ['in flight', textAt(plugin, 'in_flight')],
  ]);
  if (hooks.length === 0) return fields;
  const rows = hooks.map((hook) => [
    textAt(hook, 'hook'),
    textAt(hook, 'mode'),
    textAt(hook, 'priority'),
    `${textAt(hook, 'timeout_ms')} ms`,
  ]);
  return `${fields}\n${renderTable(['HOOK', 'MODE', 'PRIORITY', 'DEADLINE'], rows)}`;
}
