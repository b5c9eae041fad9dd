import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createCatalog } from './catalog.js';
import { CLASS_NAMES } from './class-names.js';
import { VERSIONS, plugin } from '../config/config.test-support.js';
import { loadConfig, resolveConfig } from '../config/load-config.js';

const ROOT = fileURLToPath(new URL('../../test/fixtures/reference/', import.meta.url));
const HOOKS = [
  'tool_pre_invoke',
  'tool_post_invoke',
  'prompt_pre_fetch',
  'prompt_post_fetch',
  'agent_pre_invoke',
];
const SCHEMA = {
  type: 'object',
  properties: {
    allowed_tools: { type: 'array', items: { type: 'string' } },
    patterns: {
      type: 'array',
      items: { type: 'object', properties: { name: {}, regex: {}, replacement: {} } },
    },
  },
};

// All plugins that the documents' configurations name, as if each were installed.
const names = [...new Set(Object.values(CLASS_NAMES))];
const catalog = createCatalog(
  names.map((name) => ({
    ok: true,
    ...plugin({ name, id: `bulkhead.${name}`, hooks: HOOKS, config_schema: SCHEMA }, `/plugins/${name}`),
  })),
);
const options = { catalog: async () => catalog, readEnv: () => undefined, versions: VERSIONS };

async function load(name: string) {
  const { config } = await loadConfig({ file: join(ROOT, 'configurations', name), ...options });
  return config;
}

const summary = (config: Awaited<ReturnType<typeof load>>) =>
  config.plugins.map((entry) => [
    entry.name,
    entry.manifest.name,
    entry.mode,
    entry.hooks.map((hook) => [hook.hook, hook.priority]),
  ]);

describe('configurations of the reference documents load as printed', () => {
  it.each(['001-minimal.yaml', '001-after.yaml'])('%s: all defaults', async (name) => {
    const { plugins } = await load(name);
    expect(plugins).toMatchObject([
      { name: 'pii_filter', enabled: true, mode: 'sequential', onError: 'fail', config: {}, instances: 1 },
    ]);
    expect(plugins[0]?.hooks.map((hook) => hook.hook)).toEqual(HOOKS);
  });

  it('001-before.yaml: the older mode name, tools with fields, and patterns', async () => {
    const config = await load('001-before.yaml');
    expect(config.plugins[0]).toMatchObject({
      mode: 'sequential',
      hooks: [{ hook: 'tool_pre_invoke', conditions: [] }],
      config: { patterns: [{ name: 'email', regex: '...', replacement: '[EMAIL]' }] },
    });
    expect(config.plugins[0]?.hooks[0]).not.toHaveProperty('fields');
    expect(config.notices).toContainEqual(
      expect.objectContaining({
        code: 'ALIAS_USED',
        line: 5,
        message: "mode 'enforce' is read as sequential.",
      }),
    );
  });

  it('004-layered.yaml: four layers in their order', async () => {
    const config = await load('004-layered.yaml');
    expect(summary(config)).toEqual([
      ['token_budget', 'token-budget', 'sequential', [['tool_pre_invoke', 10]]],
      [
        'content_policy',
        'content-policy',
        'sequential',
        [
          ['tool_pre_invoke', 20],
          ['agent_pre_invoke', 20],
        ],
      ],
      [
        'pii_redactor',
        'pii-filter',
        'transform',
        [
          ['tool_pre_invoke', 30],
          ['tool_post_invoke', 30],
        ],
      ],
      [
        'audit_logger',
        'audit-logger',
        'fire_and_forget',
        [
          ['tool_pre_invoke', 100],
          ['tool_post_invoke', 100],
          ['prompt_pre_fetch', 100],
        ],
      ],
    ]);
    expect(
      config.notices
        .filter((notice) => notice.code === 'FAILS_OPEN')
        .map((notice) => [notice.plugin, notice.line]),
    ).toEqual([['pii_redactor', 17]]);
    expect(config.notices.filter((notice) => notice.code === 'ALIAS_USED')).toHaveLength(4);
  });

  it('004-audit-rollout.yaml and 004-promoted.yaml: one policy, observed and then enforced', async () => {
    expect(summary(await load('004-audit-rollout.yaml'))).toEqual([
      ['new_content_policy_v2', 'content-policy', 'audit', [['tool_pre_invoke', 15]]],
    ]);
    expect(summary(await load('004-promoted.yaml'))).toEqual([
      ['new_content_policy_v2', 'content-policy', 'sequential', [['tool_pre_invoke', 15]]],
    ]);
  });

  it('004-allow-list.yaml: its list', async () => {
    expect((await load('004-allow-list.yaml')).plugins[0]?.config).toEqual({
      allowed_tools: ['web_search', 'calculator', 'file_read'],
    });
  });

  it('004-observability.yaml: two in the background', async () => {
    expect(summary(await load('004-observability.yaml'))).toEqual([
      [
        'request_tracer',
        'request-tracer',
        'fire_and_forget',
        [
          ['tool_pre_invoke', 100],
          ['tool_post_invoke', 100],
          ['prompt_pre_fetch', 100],
          ['prompt_post_fetch', 100],
        ],
      ],
      [
        'metrics_collector',
        'latency-tracker',
        'fire_and_forget',
        [
          ['tool_pre_invoke', 101],
          ['tool_post_invoke', 101],
        ],
      ],
    ]);
  });

  it('002-custom-auth.json: the body of an API call, as an item of plugins', async () => {
    const body: unknown = JSON.parse(await readFile(join(ROOT, 'entries/002-custom-auth.json'), 'utf8'));
    const { config } = await resolveConfig({ plugins: [body] }, { ...options, baseDirectory: '/base' });
    expect(config.plugins).toMatchObject([
      {
        name: 'custom-auth',
        enabled: true,
        command: ['/path/to/plugin'],
        hooks: [],
        config: { valid_token: 'secret123' },
      },
    ]);
    expect(config.notices).toContainEqual(
      expect.objectContaining({ code: 'NOT_YET_USED', plugin: 'custom-auth' }),
    );
  });

  it('says that a plugin is not there, by the class that was written', async () => {
    const empty = { ...options, catalog: async () => createCatalog([]) };
    await expect(
      loadConfig({ file: join(ROOT, 'configurations/004-observability.yaml'), ...empty }),
    ).rejects.toThrow(
      "no plugin is installed for the class 'observability.RequestTracerPlugin', which is 'request-tracer' here.",
    );
  });
});
