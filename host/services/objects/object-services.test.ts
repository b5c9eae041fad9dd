import {
  AppServiceClientImpl,
  Llm,
  LlmServiceClientImpl,
  PluginServiceClientImpl,
  Tool,
  App,
  ToolServiceClientImpl,
  UserServiceClientImpl,
  type PluginSummary,
  type ToolOperation,
} from '@bulkhead/proto/host';
import { describe, expect, test } from 'vitest';
import { ADA, hooked, deny, openObjects, type TestObjects } from '../../objects/objects.test-support.js';
import type { HostMethod, PluginIdentity } from '../../sidecar/host-method.js';
import { createAppMethods } from '../apps/app-service.js';
import { createLlmMethods } from '../llms/llm-service.js';
import { FILES_ONLY, type PluginConfigWriter } from '../plugins/config-writer.js';
import { createPluginMethods } from '../plugins/plugin-service.js';
import { createToolMethods } from '../tools/tool-service.js';
import { createUserMethods } from '../users/user-service.js';

/** What a generated client sends its bytes by. */
function transport(methods: readonly HostMethod[], grantedScopes: readonly string[] = []) {
  const plugin: PluginIdentity = { name: 'p', id: 'com.example.p', version: '1.0.0', pid: 1, grantedScopes };
  return {
    async request(service: string, name: string, body: Uint8Array): Promise<Uint8Array> {
      const method = methods.find(({ path }) => path === `/${service}/${name}`);
      if (method === undefined) throw new Error(`/${service}/${name} is not served`);
      return method.handle(body, {
        plugin,
        timeoutMs: 0,
        traceparent: '',
        signal: new AbortController().signal,
      });
    },
  };
}

const llm = (slug: string, change: Partial<Llm> = {}): Llm => ({
  ...Llm.create(),
  name: slug,
  slug,
  vendor: 'openai',
  ...change,
});
const options = { ifMatch: '', dryRun: false };
const llmsOf = ({ objects }: TestObjects, scopes: readonly string[] = []) =>
  new LlmServiceClientImpl(transport(createLlmMethods(objects), scopes));

describe('llms for plugins', () => {
  test('are made, listed in pages, counted, changed and deleted', async () => {
    const opened = await openObjects();
    const llms = llmsOf(opened);
    for (let n = 0; n < 5; n += 1) {
      const vendor = n === 0 ? 'other' : 'openai';
      await llms.CreateLlm({ llm: llm(`s${String(n)}`, { vendor }), options });
    }
    expect(opened.audited[0]).toMatchObject({ actor: { kind: 'plugin', id: 'p' }, action: 'llm.create' });
    const seen: string[] = [];
    let pageToken = '';
    do {
      const page = await llms.ListLlms({ options: { pageSize: 2, pageToken, filter: { vendor: 'openai' } } });
      seen.push(...page.llms.map(({ slug }) => slug));
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    expect(seen).toEqual(['s1', 's2', 's3', 's4']);
    expect(await llms.CountLlms({ filter: { vendor: 'other' } })).toEqual({ count: 1n });
    const { llms: listed } = await llms.ListLlms({ options: undefined });
    const [first] = listed;
    const changed = await llms.UpdateLlm({
      llm: llm('s0', { id: first?.id ?? '', name: 'New' }),
      options: { ...options, ifMatch: first?.meta?.etag ?? '' },
    });
    expect(changed.llm).toMatchObject({ name: 'New', active: true });
    await expect(
      llms.DeleteLlm({ id: first?.id ?? '', options: { ...options, ifMatch: first?.meta?.etag ?? '' } }),
    ).rejects.toMatchObject({ code: 'CONFLICT' });
    await llms.DeleteLlm({ id: first?.id ?? '', options });
    await expect(llms.GetLlm({ id: first?.id ?? '' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(llms.CreateLlm({ llm: undefined, options })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });

  test('show their secrets only with objects.secrets, and keep them when they come back redacted', async () => {
    const opened = await openObjects();
    const { llm: made } = await llmsOf(opened).CreateLlm({ llm: llm('a', { apiKey: 'sk-secret' }), options });
    expect(made?.apiKey).toBe('[redacted]');
    const { llm: changed } = await llmsOf(opened).UpdateLlm({
      llm: { ...llm('a'), ...made, name: 'New' },
      options,
    });
    const { llm: seen } = await llmsOf(opened, ['objects.secrets']).GetLlm({ id: changed?.id ?? '' });
    expect(seen).toMatchObject({ name: 'New', apiKey: 'sk-secret' });
  });

  test("another plugin's denial comes with its reason; the writer's own hooks are not called", async () => {
    const opened = await openObjects(
      ['p', 'guard'].map((name) =>
        hooked(name, [{ object: 'llm', hooks: ['before_create'], priority: 1 }], () =>
          deny('NO', `${name} says no`),
        ),
      ),
    );
    await expect(llmsOf(opened).CreateLlm({ llm: llm('a'), options })).rejects.toMatchObject({
      code: 'DENIED',
      message: 'guard says no',
      violation: { plugin: 'guard', code: 'NO' },
    });
  });
});

test("an app's notes are the plugin's own, one key at a time, and its credential finds it", async () => {
  const opened = await openObjects();
  const apps = new AppServiceClientImpl(transport(createAppMethods(opened.objects)));
  const { app } = await apps.CreateApp({
    app: { ...App.create(), name: 'a', keys: ['a key of some length'] },
    options,
  });
  const id = app?.id ?? '';
  await Promise.all(['a', 'b', 'c'].map((key) => apps.PatchAppMetadata({ id, key, valueJson: `"${key}"` })));
  const { app: patched } = await apps.PatchAppMetadata({ id, key: 'b', valueJson: '' });
  expect(JSON.parse(patched?.meta?.metadataJson ?? '')).toEqual({
    'plugin:com.example.p': { a: 'a', c: 'c' },
  });
  for (const [key, valueJson] of [
    ['plugin:com.other', '1'],
    ['x', '{'],
  ] as const)
    await expect(apps.PatchAppMetadata({ id, key, valueJson })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  expect((await apps.GetAppByCredential({ credential: 'a key of some length' })).app?.id).toBe(id);
  await expect(apps.GetAppByCredential({ credential: 'another' })).rejects.toMatchObject({
    code: 'NOT_FOUND',
  });
  // A message has no place for hashes; what is there stays.
  await apps.UpdateApp({ app: { ...App.create(), id, name: 'b' }, options });
  expect((await opened.objects.app.get(id)).key_hashes).toHaveLength(1);
});

test('operations of a tool are added and removed one by one, also at the same time', async () => {
  const opened = await openObjects();
  const tools = new ToolServiceClientImpl(
    transport(createToolMethods(opened.objects, () => new Uint8Array(0))),
  );
  const { tool } = await tools.CreateTool({
    tool: { ...Tool.create(), name: 't', kind: 'plugin', plugin: 'p' },
    options,
  });
  const toolId = tool?.id ?? '';
  const operation = (name: string): ToolOperation => ({
    name,
    description: '',
    target: '',
    method: '',
    urlTemplate: '',
    inputSchemaJson: '{"type":"object"}',
    outputSchemaJson: '',
    effect: '',
  });
  await Promise.all(
    ['a', 'b', 'c'].map((name) => tools.AddToolOperation({ toolId, operation: operation(name), options })),
  );
  await expect(tools.AddToolOperation({ toolId, operation: operation('a'), options })).rejects.toMatchObject({
    code: 'ALREADY_EXISTS',
  });
  await tools.RemoveToolOperation({ toolId, operation: 'b', options });
  await expect(tools.RemoveToolOperation({ toolId, operation: 'b', options })).rejects.toMatchObject({
    code: 'NOT_FOUND',
  });
  const { operations } = await tools.ListToolOperations({ toolId });
  expect(operations.map(({ name }) => name).toSorted()).toEqual(['a', 'c']);
  expect(operations[0]?.effect).toBe('state_changing');
});

test('a user is found by id and by credential', async () => {
  const opened = await openObjects();
  const users = new UserServiceClientImpl(transport(createUserMethods(opened.objects)));
  const credential = 'a credential of some length';
  const { id } = await opened.objects.user.create(ADA, {
    email: 'ada@example.com',
    credentials: [credential],
  });
  expect((await users.GetUser({ id })).user?.email).toBe('ada@example.com');
  expect((await users.GetUserByCredential({ credential })).user?.id).toBe(id);
});

describe('plugins for plugins', () => {
  const summary = (name: string, change: Partial<PluginSummary> = {}): PluginSummary => ({
    name,
    id: `com.example.${name}`,
    version: '1.0.0',
    enabled: true,
    state: 'ready',
    health: 'healthy',
    mode: 'sequential',
    hooks: [],
    maturity: '',
    ...change,
  });
  const open = (writer: PluginConfigWriter = FILES_ONLY) =>
    new PluginServiceClientImpl(
      transport(
        createPluginMethods({
          summaries: () => [summary('c'), summary('a'), summary('b', { state: 'disabled', enabled: false })],
          mayConfigure: () => ['com.example.a'],
          writer,
        }),
      ),
    );

  test('are listed in pages and counted', async () => {
    const plugins = open();
    const first = await plugins.ListPlugins({ pageSize: 2, pageToken: '' });
    expect(first.plugins.map(({ name }) => name)).toEqual(['a', 'b']);
    const second = await plugins.ListPlugins({ pageSize: 2, pageToken: first.nextPageToken });
    expect(second).toMatchObject({ plugins: [{ name: 'c' }], nextPageToken: '' });
    expect(await plugins.CountPlugins({})).toEqual({ total: 3, byState: { ready: 2, disabled: 1 } });
    await expect(plugins.GetPlugin({ name: 'x' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('may configure only those that their permissions name, where the configuration is not written in files only', async () => {
    const merged: unknown[] = [];
    const plugins = open({
      ...FILES_ONLY,
      mergeConfig: (actor, name, config) => {
        merged.push([actor.id, name, config]);
        return Promise.resolve();
      },
    });
    await plugins.UpdatePluginConfig({ name: 'a', configJson: '{"x":1}' });
    expect(merged).toEqual([['p', 'a', { x: 1 }]]);
    await expect(plugins.UpdatePluginConfig({ name: 'b', configJson: '{}' })).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
    });
    await expect(plugins.UpdatePluginConfig({ name: 'a', configJson: '[]' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    await expect(open().UpdatePluginConfig({ name: 'a', configJson: '{}' })).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
    });
  });
});
