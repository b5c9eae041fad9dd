import type { Clock } from '../clock.js';
import type { PluginRecord } from '../dispatch/invocation.js';
import type { Audit, AuditEntry } from '../telemetry/audit.js';
import { Repeats } from '../telemetry/audit/repeats.js';

/**
 * Tells the audit log what hooks decided: each denial and each suppressed one, errors by number, and for the hooks in
 * `all` (`*`: every one) what was let through too.
 */
export function createRecordAudit(
  audit: Audit,
  clock: Clock,
  all: readonly string[],
): (record: PluginRecord) => void {
  const errors = new Repeats(audit, clock);
  const every = all.includes('*');
  const hooks = new Set(all);
  return (record) => {
    const { requested, effective, status, hook } = record;
    if (status === 'error' || status === 'timeout') {
      errors.note(entryOf(record, status === 'error' ? 'hook.error' : 'hook.timeout', 'error'));
    } else if (requested === 'deny') {
      const denied = effective === 'deny';
      audit.note(
        entryOf(record, denied ? 'hook.denied' : 'hook.suppressed', denied ? 'denied' : 'suppressed'),
      );
    } else if (every || hooks.has(hook)) {
      audit.note(entryOf(record, status === 'skipped' ? 'hook.skipped' : `hook.${requested}`, 'allowed'));
    }
  };
}

function entryOf(record: PluginRecord, action: string, outcome: AuditEntry['outcome']): AuditEntry {
  const { plugin, hook, requestId, version, mode, code, effective, changed } = record;
  return {
    actor: { kind: 'plugin', id: plugin },
    action,
    target: `hook/${hook}`,
    outcome,
    requestId,
    ...(code === undefined ? {} : { code }),
    details: { version, mode, effective, ...(changed.length === 0 ? {} : { changed: [...changed] }) },
  };
}
