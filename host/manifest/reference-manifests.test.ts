import { readFile, readdir } from 'node:fs/promises';
import { checkConfig, checkConfigSchema, checkManifest } from '@bulkhead/proto/rules/schema';
import { describe, expect, it } from 'vitest';
import { checkCompat } from './compat.js';
import { parseDocumentText } from './document.js';
import { notYetUsed } from './not-yet-used.js';
import { valueOf } from './source-tree.js';

const ROOT = new URL('../../test/fixtures/reference/', import.meta.url);

async function read(path: string): Promise<unknown> {
  const parsed = parseDocumentText(await readFile(new URL(path, ROOT), 'utf8'), {
    file: path,
    layer: 'manifest',
    code: 'MANIFEST_INVALID',
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return valueOf(parsed.tree);
}

function load(value: unknown) {
  const checked = checkManifest(value);
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems, null, 2));
  return checked.manifest;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

describe('manifests of the reference documents', async () => {
  const names = await readdir(new URL('manifests/', ROOT));

  it.each(names)('%s loads as printed', async (name) => {
    const value = await read(`manifests/${name}`);
    expect(load(value).source).toEqual(value);
  });

  it('are all that the documents print', () => {
    expect(names.sort()).toEqual([
      '001-pii-filter.yaml',
      '002-agent.json',
      '002-approval-system.json',
      '002-mcp-registry.json',
      '002-minimal.json',
      '002-plugin.json',
      '002-rag-agent.json',
      '002-simple-agent.json',
      '002-validator.json',
    ]);
  });

  it('keep what they say', async () => {
    expect(load(await read('manifests/001-pii-filter.yaml'))).toMatchObject({
      id: 'pii_filter',
      maturity: 'stable',
      capabilities: ['content_filtering', 'data_protection'],
      hooks: { tool_pre_invoke: {}, tool_post_invoke: {} },
      quality: { testCoverage: 87, securityAudit: '2026-01-15', performanceBenchmark: '1.2ms avg' },
    });
    expect(load(await read('manifests/002-mcp-registry.json')).capabilities).toEqual([
      'resource_provider',
      'studio_ui',
    ]);
    expect(load(await read('manifests/002-plugin.json')).assets).toEqual([
      'assets/icon.svg',
      'ui/webc/dashboard.js',
    ]);
  });

  it('say what of them nothing uses yet', async () => {
    const notices = notYetUsed(load(await read('manifests/002-plugin.json')).source).map((notice) =>
      notice.keys.join('.'),
    );
    expect(notices).toEqual(['ui.slots', 'security.csp', 'compat.api.0']);
    expect(notYetUsed(load(await read('manifests/002-agent.json')).source)).toEqual([]);
  });

  it('are held against the host by compat, which is another question than their shape', async () => {
    const manifest = load(await read('manifests/002-plugin.json'));
    expect(checkCompat(manifest, { app: '2.7.1', node: 'v24.21.0' })).toEqual([]);
    expect(checkCompat(manifest, { app: '3.0.0', node: 'v24.21.0' })).toMatchObject([
      { code: 'INCOMPATIBLE', path: 'compat.app' },
    ]);
  });

  it.each(await readdir(new URL('slots/', ROOT)))('the slot %s loads in a manifest', async (name) => {
    const slot = await read(`slots/${name}`);
    load({ id: 'com.example.slots', name: 'Slots', version: '1.0.0', ui: { slots: [slot] } });
  });

  it.each((await readdir(new URL('fragments/', ROOT))).filter((name) => !name.includes('mount')))(
    'the fragment %s loads in a manifest',
    async (name) => {
      const fragment = await read(`fragments/${name}`);
      load({
        id: 'com.example.part',
        name: 'Part',
        version: '1.2.3',
        ...(isRecord(fragment) ? fragment : {}),
      });
    },
  );

  it('the mount that is printed alone loads in a slot', async () => {
    const slot = { slot: 'app.detail.tab', label: 'x', mount: await read('fragments/002-mount.json') };
    load({ id: 'com.example.part', name: 'Part', version: '1.2.3', ui: { slots: [slot] } });
  });

  it('the configuration schema that is printed checks and fills in a configuration', async () => {
    const schema = await read('config-schemas/002-my-plugin.json');
    expect(checkConfigSchema(schema)).toEqual({ problems: [], notices: [] });
    if (!isRecord(schema)) throw new Error('no map');
    expect(checkConfig(schema, { api_key: 'k' })).toEqual({
      ok: true,
      config: { api_key: 'k', endpoint: 'https://api.example.com', rate_limit: 100, enabled: true },
    });
    const bad = checkConfig(schema, { api_key: '', endpoint: 'nowhere', rate_limit: 0, enable: true });
    expect(bad.ok ? [] : bad.problems.map((problem) => problem.path)).toEqual([
      'enable',
      'api_key',
      'endpoint',
      'rate_limit',
    ]);
  });
});
