import type { Logger } from '../telemetry/logger.js';
import type { LifecycleEvent } from './events.js';
import type { InstanceState } from './state.js';

/** Writes what happens to plugins into the log. */
export function logEvent(log: Logger, event: LifecycleEvent): void {
  if (event.kind === 'changed') return;
  const fields = { plugin: event.plugin, instance: event.instance };
  switch (event.kind) {
    case 'state':
      logState(log, fields, event.to);
      return;
    case 'health': {
      const { kind, ...why } = event.health;
      log[kind === 'healthy' ? 'info' : 'warn']({ ...fields, ...why }, `health: ${kind}`);
      return;
    }
    case 'restart':
      log.warn(
        { ...fields, code: event.failure.code, delay_ms: event.delayMs, last_lines: event.failure.lastLines },
        `failed, starting again: ${event.failure.message}`,
      );
      return;
    case 'quarantine':
      log.error(
        {
          ...fields,
          code: event.failure.code,
          retry_in_ms: event.retryInMs,
          last_lines: event.failure.lastLines,
        },
        `quarantined after a crash loop: ${event.failure.message}`,
      );
  }
}

function logState(log: Logger, fields: object, state: InstanceState): void {
  switch (state.kind) {
    case 'ready':
      log.info({ ...fields, pid: state.pid, start_ms: Math.round(state.startMs) }, 'ready');
      return;
    case 'failed':
      // One that is tried again is told by its restart.
      if (state.retryInMs !== 'never') return;
      log.error(
        { ...fields, code: state.failure.code, last_lines: state.failure.lastLines },
        `failed for good: ${state.failure.message}`,
      );
      return;
    case 'stopped':
    case 'draining':
      log.info({ ...fields, reason: state.reason }, state.kind);
      return;
    default:
      log.debug(fields, state.kind);
  }
}
