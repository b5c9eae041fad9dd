import type { PluginRecord } from '../../dispatch/invocation.js';

/** One call as a line: `tool_pre_invoke   modify   1.2 ms  changed args`. */
export function renderRecord(record: PluginRecord): string {
  const { hook, status, effective, durationMs, code, changed, dropped } = record;
  const outcome = status === 'completed' ? effective : status;
  const parts = [
    hook.padEnd(20),
    outcome.padEnd(8),
    `${durationMs.toFixed(1)} ms`,
    ...(code === undefined ? [] : [code]),
    ...(changed.length === 0 ? [] : [`changed ${changed.join(', ')}`]),
    ...(dropped.length === 0 ? [] : [`not kept ${dropped.join(', ')}`]),
  ];
  return `${parts.join('  ')}\n`;
}
