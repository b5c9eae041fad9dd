import { pino, type Logger } from 'pino';
import type { HostConfig } from '../config/config.js';
import { FakeClock } from '../clock.test-support.js';
import type { CustomHookDeclaration } from '../manifest/manifest.js';
import { createDispatcher, type Dispatcher, type DispatcherOptions } from './dispatcher.js';
import type { PluginRecord } from './invocation.js';
import { createSchemaCheck } from '../schemas/schema-check.js';
import type { DispatchEntry } from './port.js';

export const LIMITS: HostConfig['limits'] = {
  callTimeoutMs: 5_000,
  maxPayloadBytes: 1_000_000,
  maxPayloadBytesByHook: {},
  auditBudgetMs: 50,
  stateTtlMs: 300_000,
  maxBodyBytes: 10_000_000,
};

/** What a log was told, one object a line. */
export function memoryLog(): { log: Logger; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const log = pino(
    { level: 'debug' },
    { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
  );
  return { log, lines };
}

export interface TestDispatcher {
  readonly dispatcher: Dispatcher;
  readonly clock: FakeClock;
  readonly records: PluginRecord[];
  readonly lines: Record<string, unknown>[];
}

export function testDispatcher(
  entries: readonly DispatchEntry[],
  options: {
    limits?: Partial<HostConfig['limits']>;
    customHooks?: readonly CustomHookDeclaration[];
    schemas?: DispatcherOptions['schemas'];
  } = {},
): TestDispatcher {
  const clock = new FakeClock();
  const records: PluginRecord[] = [];
  const { log, lines } = memoryLog();
  const dispatcher = createDispatcher({
    entries,
    customHooks: options.customHooks ?? [],
    limits: { ...LIMITS, ...options.limits },
    clock,
    log,
    // Starts a thread only for what the event loop should not check.
    schemas: options.schemas ?? createSchemaCheck({ clock }),
    onRecord: (record) => records.push(record),
  });
  return { dispatcher, clock, records, lines };
}
