import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { Decision, InvokeObjectHookRequest, InvokeObjectHookResponse } from '@bulkhead/proto/plugin';
import type { ObjectHookDeclaration } from '@bulkhead/proto/rules';
import { onTestFinished } from 'vitest';
import type { Clock } from '../clock.js';
import { systemClock } from '../clock.js';
import type { PluginConfig } from '../config/config.js';
import type { PluginRecord } from '../dispatch/invocation.js';
import type { NewEvent } from '../events/outbox.js';
import { plugin as pluginConfig } from '../lifecycle/fakes.test-support.js';
import { openStore } from '../store/open-store.js';
import type { Store } from '../store/store.js';
import type { Actor, AuditEntry } from '../telemetry/audit.js';
import { createSilentLogger } from '../telemetry/logger.js';
import { createObjects, type ObjectsPart } from './create-objects.js';
import type { HookedPlugin } from './hook-list.js';
import { NO_SEAL, type Seal } from './seal.js';

export const ADA: Actor = { kind: 'token', id: 'ada' };

export async function openTestStore(): Promise<Store> {
  const directory = await mkdtemp(join(tmpdir(), 'bulkhead-objects-'));
  const store = await openStore({ path: join(directory, 'bulkhead.db') });
  onTestFinished(async () => {
    await store.close();
    await rm(directory, { recursive: true, force: true });
  });
  return store;
}

export type Handler = (
  request: InvokeObjectHookRequest,
) => Partial<InvokeObjectHookResponse> | undefined | Promise<Partial<InvokeObjectHookResponse> | undefined>;

/** A plugin that hooks objects, without a process. */
export function hooked(
  name: string,
  objectHooks: readonly ObjectHookDeclaration[],
  handler: Handler,
  changes: Partial<PluginConfig> = {},
): HookedPlugin {
  const unused = (): Promise<never> =>
    Promise.reject(new BulkheadError(ErrorCode.INTERNAL, 'only object hooks are called here'));
  return {
    config: pluginConfig(name, { hooks: [], objectHooks, ...changes }),
    port: {
      name,
      serving: true,
      invoke: unused,
      invokeBatch: unused,
      async call(_path, body) {
        const answer = await handler(InvokeObjectHookRequest.decode(body));
        return InvokeObjectHookResponse.encode(InvokeObjectHookResponse.fromPartial(answer ?? {})).finish();
      },
    },
  };
}

export const deny = (code: string, reason: string): Partial<InvokeObjectHookResponse> => ({
  decision: Decision.DECISION_DENY,
  violation: {
    code,
    reason,
    description: '',
    detailsJson: '',
    httpStatusCode: 0,
    httpHeaders: {},
    mcpErrorCode: 0,
  },
});

/** The object that the hook was shown, changed. */
export function modify(request: InvokeObjectHookRequest, change: object): Partial<InvokeObjectHookResponse> {
  const shown: unknown = JSON.parse(request.objectJson);
  return {
    decision: Decision.DECISION_MODIFY,
    objectJson: JSON.stringify({ ...(shown as object), ...change }),
  };
}

export interface TestObjects extends ObjectsPart {
  readonly store: Store;
  readonly audited: AuditEntry[];
  readonly events: NewEvent[];
  readonly records: PluginRecord[];
  readonly out: Map<string, string>;
  /** Configured plugins; may be changed between calls. */
  plugins: HookedPlugin[];
}

export async function openObjects(
  plugins: readonly HookedPlugin[] = [],
  options: { readonly store?: Store; readonly clock?: Clock; readonly seal?: Seal } = {},
): Promise<TestObjects> {
  const store = options.store ?? (await openTestStore());
  const audited: AuditEntry[] = [];
  const events: NewEvent[] = [];
  const records: PluginRecord[] = [];
  const out = new Map<string, string>();
  const opened: TestObjects = {
    ...createObjects({
      store,
      clock: options.clock ?? systemClock,
      log: createSilentLogger(),
      audit: {
        note: (entry) => void audited.push(entry),
        write: (_trx, entry) => {
          audited.push(entry);
          return Promise.resolve();
        },
        async batch(to, queries, entry) {
          const results = await to.batch(queries);
          audited.push(entry);
          return results;
        },
        settled: () => Promise.resolve(),
      },
      events: {
        wake: () => {},
        append: (_trx, event) => {
          events.push(event);
          return Promise.resolve(false);
        },
        appending(event) {
          events.push(event);
          return store.db.deleteFrom('event_backlog').where('seq', '<', 0);
        },
      },
      seal: options.seal ?? NO_SEAL,
      active: () => opened.plugins,
      rotation: { isOut: (name) => out.has(name), disable: (name, reason) => out.set(name, reason) },
      onRecord: (record) => records.push(record),
    }),
    store,
    audited,
    events,
    records,
    out,
    plugins: [...plugins],
  };
  onTestFinished(() => opened.stop());
  return opened;
}
