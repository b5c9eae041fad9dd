import type { ObjectType } from '@bulkhead/proto/rules';
import type { Manifest } from '@bulkhead/proto/rules/schema';
import type { Usage } from '../host/analytics.js';
import type { HostTransport } from '../host/transport.js';
import { AnalyticsTwin, type RecordedMetric } from './twins/analytics.js';
import { EventsTwin } from './twins/events.js';
import { KvTwin, type KvTwinQuota } from './twins/kv.js';
import type { ObjectCollectionTwin, ObjectTwinParts } from './twins/object-collection.js';
import { ObjectsTwin, type TestObjects, type TestRows, type TestToolRun } from './twins/objects.js';
import { PluginsTwin, type TestPluginEntry } from './twins/plugins.js';
import { SchedulesTwin } from './twins/schedules.js';
import { SecretsTwin } from './twins/secrets.js';
import { TwinHost, type TwinPlugin } from './twins/twin-methods.js';

/** What the host has when the plugin starts. */
export interface TestHostContents {
  /** JSON values or bytes by key. */
  readonly kv?: Readonly<Record<string, unknown>>;
  /** What the plugin may keep. Default: the host's own. */
  readonly kvQuota?: Partial<KvTwinQuota>;
  /** Values by name. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Objects by kind, as somebody would write them. */
  readonly objects?: TestObjects;
  /** What runs the operations of a tool, by the tool's id. */
  readonly toolRuns?: Readonly<Record<string, TestToolRun>>;
  /** What answers queries, by the data source's id. */
  readonly rows?: Readonly<Record<string, TestRows>>;
  /** Stands for the before hooks of other plugins on what this one writes: says why they refuse, or nothing. */
  readonly otherHooks?: ObjectTwinParts['hook'];
  /** Configured plugins. */
  readonly plugins?: readonly TestPluginEntry[];
  /** What `host.analytics.usage` answers with. */
  readonly usage?: readonly Partial<Usage>[];
  /** Milliseconds since the Unix epoch, by which keys expire. Default: the real time. */
  readonly now?: () => number;
}

/** What the plugin made of the host: to be looked at, and changed, by a test. */
export interface TestHost {
  readonly kv: Pick<KvTwin, 'get' | 'set' | 'keys'>;
  readonly events: Pick<EventsTwin, 'published' | 'patterns'>;
  readonly schedules: Pick<SchedulesTwin, 'names'>;
  readonly secrets: Pick<SecretsTwin, 'set'>;
  readonly plugins: Pick<PluginsTwin, 'configOf'>;
  /** In clear, as the host keeps them. */
  readonly objects: { readonly [Type in ObjectType]: Pick<ObjectCollectionTwin<Type>, 'get' | 'all'> };
  readonly metrics: readonly RecordedMetric[];
}

export interface TestHostParts {
  readonly plugin: TwinPlugin;
  readonly manifest: Manifest;
  readonly grantedSecrets: readonly string[];
  readonly contents: TestHostContents;
  readonly runSchedule: (name: string, runId: string) => Promise<void>;
}

/** A host in memory, with the same checks as the real one. */
export function createTestHost(parts: TestHostParts): {
  readonly host: TestHost;
  readonly transport: HostTransport;
} {
  const { plugin, manifest, contents } = parts;
  const now = contents.now ?? (() => Date.now());
  const kv = new KvTwin({
    now,
    ...(contents.kv === undefined ? {} : { contents: contents.kv }),
    ...(contents.kvQuota === undefined ? {} : { quota: contents.kvQuota }),
  });
  const events = new EventsTwin(plugin);
  const schedules = new SchedulesTwin({
    declared: manifest.contributions.schedules,
    now,
    run: parts.runSchedule,
  });
  const secrets = new SecretsTwin(parts.grantedSecrets, contents.secrets);
  const plugins = new PluginsTwin(contents.plugins ?? [], manifest.permissions.plugins);
  const analytics = new AnalyticsTwin(contents.usage);
  const objects = new ObjectsTwin({
    plugin,
    now,
    hook: contents.otherHooks ?? (() => undefined),
    contents: contents.objects ?? {},
    tools: contents.toolRuns ?? {},
    rows: contents.rows ?? {},
  });
  const twins = [kv, events, schedules, secrets, plugins, analytics, objects];
  return {
    transport: new TwinHost(
      plugin,
      twins.flatMap(({ methods }) => methods),
    ),
    host: {
      kv,
      events,
      schedules,
      secrets,
      plugins,
      objects,
      get metrics() {
        return analytics.metrics;
      },
    },
  };
}
