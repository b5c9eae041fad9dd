import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Control } from './control.js';
import { createLogTail } from './log-tail.js';
import type { ApplyReport, DaemonStatus, PluginStatus, Readiness } from './status.js';

export const PII: PluginStatus = {
  name: 'pii',
  id: 'dev.bulkhead.pii-filter',
  version: '0.1.0',
  directory: '/plugins/one',
  mode: 'sequential',
  guard: true,
  enabled: true,
  state: 'ready',
  health: 'healthy',
  pids: [4711],
  restarts: 0,
  in_flight: 0,
  hooks: [{ hook: 'tool_pre_invoke', mode: 'sequential', priority: 50, timeout_ms: 5_000 }],
};

export const NOTHING_APPLIED: ApplyReport = {
  started: [],
  stopped: [],
  reloaded: [],
  updated: [],
  sections: [],
  failed: [],
  needs_restart: [],
  notices: [],
};

/** A daemon with one plugin that only notes what it is asked. */
export interface FakeControl extends Control {
  readonly asked: readonly string[];
  setReadiness(readiness: Readiness): void;
}

export function createFakeControl(): FakeControl {
  const asked: string[] = [];
  let readiness: Readiness = { state: 'ready', guards_down: [], waiting_for: [] };
  const plugin = (name: string): PluginStatus => {
    if (name === PII.name) return PII;
    throw new BulkheadError(ErrorCode.PLUGIN_NOT_FOUND, `no plugin '${name}' is configured; there are: pii`);
  };
  const act = (action: string) => async (name: string) => {
    asked.push(`${action} ${plugin(name).name}`);
    return Promise.resolve();
  };
  const status = (): DaemonStatus => ({
    version: '0.1.0',
    pid: process.pid,
    node: process.versions.node,
    environment: 'test',
    config_file: '/etc/bulkhead.yaml',
    data_dir: '/var/lib/bulkhead',
    started_at: '2026-11-21T00:00:00.000Z',
    uptime_ms: 61_000,
    readiness,
    store: { engine: 'sqlite' },
    listen: { data: 'http://127.0.0.1:7410', control: 'http://127.0.0.1:7411' },
    plugins: [PII],
    upstreams: [{ name: 'everything', transport: 'stdio', state: 'ready' }],
    notices: [],
  });
  return {
    asked,
    setReadiness(next) {
      readiness = next;
    },
    readiness: () => readiness,
    status,
    plugin,
    logs: createLogTail(),
    reload: act('reload'),
    enable: act('enable'),
    disable: act('disable'),
    reset: act('reset'),
    apply: async () => {
      asked.push('apply');
      return Promise.resolve(NOTHING_APPLIED);
    },
  };
}
