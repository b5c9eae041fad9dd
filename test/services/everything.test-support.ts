import { fileURLToPath } from 'node:url';
import { declaredRegistrations, readContributions } from '@bulkhead/proto/rules';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import {
  EventServiceDefinition,
  KvServiceDefinition,
  KvServiceGetRequest,
  KvServiceGetResponse,
  SetRequest,
  SetResponse,
  SubscribeRequest,
  SubscribeResponse,
  type KvEntry,
} from '@bulkhead/proto/host';
import type { LaunchDescription } from '../../host/sidecar/sidecar.js';
import { createHostMethods, type HostCall, type HostMethod } from '../../host/sidecar/host-method.js';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const MANIFEST = {
  id: 'com.example.everything',
  name: 'everything',
  version: '1.0.0',
  hooks: ['tool_pre_invoke'],
  object_hooks: [{ object: 'llm', hooks: ['before_create'] }],
  contributes: {
    tools: [{ name: 'lookup', description: 'Looks a key up.', input: { type: 'object' } }],
    commands: [{ name: 'show', description: 'Shows a key.' }],
    routes: [{ path: '/keys/{key}', methods: ['GET', 'PUT'] }],
    schedules: [{ name: 'nightly', cron: '0 3 * * *' }],
  },
  rpc: { methods: { who: {} } },
  permissions: { services: ['kv.readwrite', 'events.subscribe'] },
};

/** How the plugin with everything is launched. */
export function everything(change: Partial<LaunchDescription> = {}): Partial<LaunchDescription> {
  return {
    name: 'everything',
    id: MANIFEST.id,
    command: [process.execPath, here('../../sdk/dist/bin.cjs'), here('fixtures/everything.mjs')],
    cwd: here('fixtures'),
    manifestJson: JSON.stringify(MANIFEST),
    declared: declaredRegistrations(MANIFEST.hooks, readContributions(MANIFEST)),
    configJson: '{}',
    grantedScopes: ['kv.readwrite', 'kv.read', 'events.subscribe'],
    ...change,
  };
}

/** What of a host the plugin asks, in memory, with what each call brought along. */
export class FakeServices {
  readonly entries = new Map<string, KvEntry>();
  readonly calls: HostCall[] = [];
  readonly patterns: string[] = [];
  readonly methods: readonly HostMethod[];

  constructor() {
    const refuse: HostMethod['handle'] = () => {
      throw new BulkheadError(ErrorCode.INTERNAL, 'nobody asks for this here');
    };
    this.methods = [
      ...createHostMethods(KvServiceDefinition, {
        get: (body, call) => {
          this.calls.push(call);
          const { key } = KvServiceGetRequest.decode(body);
          if (key === 'never') return new Promise(() => {});
          return KvServiceGetResponse.encode({ entry: this.entries.get(key) }).finish();
        },
        set: (body, call) => {
          this.calls.push(call);
          const { key, value, encoding } = SetRequest.decode(body);
          this.entries.set(key, { key, value, encoding, version: 1n, expiresAtMs: 0n });
          return SetResponse.encode({ version: 1n }).finish();
        },
        getMany: refuse,
        list: refuse,
        delete: refuse,
        increment: refuse,
        compareAndSwap: refuse,
        batch: refuse,
      }),
      ...createHostMethods(EventServiceDefinition, {
        subscribe: (body) => {
          this.patterns.push(SubscribeRequest.decode(body).pattern);
          return SubscribeResponse.encode({ dropped: 0n }).finish();
        },
        publish: refuse,
        unsubscribe: refuse,
      }),
    ];
  }

  put(key: string, value: unknown): void {
    this.entries.set(key, {
      key,
      value: Buffer.from(JSON.stringify(value)),
      encoding: 1,
      version: 1n,
      expiresAtMs: 0n,
    });
  }

  /** What a key holds, as JSON; undefined when it is absent. */
  get(key: string): unknown {
    const entry = this.entries.get(key);
    return entry === undefined ? undefined : JSON.parse(Buffer.from(entry.value).toString('utf8'));
  }
}
