import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { loadSync } from '@grpc/proto-loader';
import { expect, test } from 'vitest';
import * as host from './host.js';
import { scopesOf, type ScopedService } from './scopes.js';

// A change here is a change of what a grant means: buf's breaking check does not notice it.
const SCOPES = {
  '/bulkhead.host.v1.AnalyticsService/GetUsage': 'analytics.read',
  '/bulkhead.host.v1.AnalyticsService/RecordMetrics': 'analytics.write',
  '/bulkhead.host.v1.AppService/ListApps': 'apps.read',
  '/bulkhead.host.v1.AppService/GetApp': 'apps.read',
  '/bulkhead.host.v1.AppService/GetAppByCredential': 'apps.read',
  '/bulkhead.host.v1.AppService/PatchAppMetadata': 'apps.write',
  '/bulkhead.host.v1.AppService/CreateApp': 'apps.write',
  '/bulkhead.host.v1.AppService/UpdateApp': 'apps.write',
  '/bulkhead.host.v1.AppService/DeleteApp': 'apps.write',
  '/bulkhead.host.v1.DatasourceService/ListDatasources': 'datasources.read',
  '/bulkhead.host.v1.DatasourceService/GetDatasource': 'datasources.read',
  '/bulkhead.host.v1.DatasourceService/QueryDatasource': 'datasources.query',
  '/bulkhead.host.v1.DatasourceService/CreateDatasource': 'datasources.write',
  '/bulkhead.host.v1.DatasourceService/UpdateDatasource': 'datasources.write',
  '/bulkhead.host.v1.DatasourceService/DeleteDatasource': 'datasources.write',
  '/bulkhead.host.v1.EventService/Publish': 'events.publish',
  '/bulkhead.host.v1.EventService/Subscribe': 'events.subscribe',
  '/bulkhead.host.v1.EventService/Unsubscribe': 'events.subscribe',
  '/bulkhead.host.v1.KvService/Get': 'kv.read',
  '/bulkhead.host.v1.KvService/GetMany': 'kv.read',
  '/bulkhead.host.v1.KvService/List': 'kv.read',
  '/bulkhead.host.v1.KvService/Set': 'kv.readwrite',
  '/bulkhead.host.v1.KvService/Delete': 'kv.readwrite',
  '/bulkhead.host.v1.KvService/Increment': 'kv.readwrite',
  '/bulkhead.host.v1.KvService/CompareAndSwap': 'kv.readwrite',
  '/bulkhead.host.v1.KvService/Batch': 'kv.readwrite',
  '/bulkhead.host.v1.LlmService/ListLlms': 'llms.read',
  '/bulkhead.host.v1.LlmService/GetLlm': 'llms.read',
  '/bulkhead.host.v1.LlmService/CountLlms': 'llms.read',
  '/bulkhead.host.v1.LlmService/CreateLlm': 'llms.write',
  '/bulkhead.host.v1.LlmService/UpdateLlm': 'llms.write',
  '/bulkhead.host.v1.LlmService/DeleteLlm': 'llms.write',
  '/bulkhead.host.v1.LogService/Write': 'none',
  '/bulkhead.host.v1.PluginService/ListPlugins': 'plugins.read',
  '/bulkhead.host.v1.PluginService/GetPlugin': 'plugins.read',
  '/bulkhead.host.v1.PluginService/CountPlugins': 'plugins.read',
  '/bulkhead.host.v1.PluginService/CreatePendingPlugin': 'plugins.write',
  '/bulkhead.host.v1.PluginService/UpdatePluginConfig': 'plugins.write',
  '/bulkhead.host.v1.ScheduleService/ListSchedules': 'schedules.manage',
  '/bulkhead.host.v1.ScheduleService/CreateSchedule': 'schedules.manage',
  '/bulkhead.host.v1.ScheduleService/UpdateSchedule': 'schedules.manage',
  '/bulkhead.host.v1.ScheduleService/DeleteSchedule': 'schedules.manage',
  '/bulkhead.host.v1.ScheduleService/RunScheduleNow': 'schedules.manage',
  '/bulkhead.host.v1.ScheduleService/ListScheduleRuns': 'schedules.manage',
  '/bulkhead.host.v1.SecretService/GetSecret': 'secrets.read',
  '/bulkhead.host.v1.ToolService/ListTools': 'tools.read',
  '/bulkhead.host.v1.ToolService/GetTool': 'tools.read',
  '/bulkhead.host.v1.ToolService/ListToolOperations': 'tools.read',
  '/bulkhead.host.v1.ToolService/ExecuteTool': 'tools.execute',
  '/bulkhead.host.v1.ToolService/AddToolOperation': 'tools.operations',
  '/bulkhead.host.v1.ToolService/RemoveToolOperation': 'tools.operations',
  '/bulkhead.host.v1.ToolService/CreateTool': 'tools.write',
  '/bulkhead.host.v1.ToolService/UpdateTool': 'tools.write',
  '/bulkhead.host.v1.ToolService/DeleteTool': 'tools.write',
  '/bulkhead.host.v1.UserService/GetUser': 'users.read',
  '/bulkhead.host.v1.UserService/GetUserByCredential': 'users.read',
};

const services = Object.entries(host)
  .filter(([name]) => name.endsWith('Definition'))
  .map(([, value]) => value as ScopedService);

test('every RPC that a plugin may call has the scope that was agreed', () => {
  expect(Object.fromEntries(services.flatMap((service) => [...scopesOf(service)]))).toEqual(SCOPES);
});

test('the generated scopes are those of the .proto files', () => {
  const root = join(import.meta.dirname, 'proto');
  const folder = join(root, 'bulkhead/host/v1');
  const loaded = loadSync(
    readdirSync(folder).map((file) => join(folder, file)),
    { includeDirs: [root] },
  );
  const declared: Record<string, unknown> = {};
  for (const definition of Object.values(loaded)) {
    if ('format' in definition) continue;
    for (const method of Object.values(definition)) {
      const options = method.options as Readonly<Record<string, unknown>> | undefined;
      declared[method.path] = options?.['(bulkhead.v1.scope)'];
    }
  }
  expect(declared).toEqual(SCOPES);
});

test('an RPC without a scope is refused', () => {
  const service = { fullName: 'bulkhead.host.v1.NewService', methods: { get: { name: 'Get', options: {} } } };
  expect(() => scopesOf(service)).toThrow(/NewService\/Get has no .*scope/);
});
