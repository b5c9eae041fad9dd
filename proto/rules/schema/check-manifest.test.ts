import { describe, expect, it } from 'vitest';
import { checkManifest } from './check-manifest.js';
import { SCOPES, SCOPE_ALIASES } from './scopes.js';

const minimal = { id: 'com.example.a', name: 'A', version: '1.0.0' };

function problemsOf(value: unknown, info = {}): readonly string[] {
  const checked = checkManifest(value, info);
  return checked.ok
    ? []
    : checked.problems.map((problem) => `${problem.code} ${problem.path ?? ''}: ${problem.message}`);
}

function manifestOf(value: unknown, info = {}) {
  const checked = checkManifest(value, info);
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  return checked;
}

describe('checkManifest', () => {
  it('takes the least that a manifest can be', () => {
    expect(manifestOf(minimal).manifest).toMatchObject({
      id: 'com.example.a',
      hooks: {},
      customHooks: [],
      permissions: { services: [], context: [] },
      instances: 'single',
      compat: { api: [] },
      source: minimal,
    });
  });

  it('refuses what is no map', () => {
    for (const value of [null, undefined, 'text', 3, [minimal]]) expect(problemsOf(value)).toHaveLength(1);
  });

  it('tells every fault at once, each with its own code', () => {
    const problems = problemsOf({
      id: 'com.example.a',
      version: '1.0',
      plugin_type: 'studio',
      permissions: { services: ['llm.read', 'kv.read'], network: ['api.example.com'] },
      ui: {
        slots: [
          { slot: 'sidebar.link', label: 'A', path: '/admin/a' },
          { slot: 'sidebar.link', label: 'A', path: '/admin/b' },
        ],
      },
      hoks: ['tool_pre_invoke'],
      compat: { api: ['hooks-v2'], app: 'newest' },
      entry: '../outside.js',
    });
    expect(problems).toEqual([
      "MISSING_REQUIRED_FIELD name: expected the key 'name', and it is missing.",
      "MANIFEST_INVALID hoks: unknown key 'hoks'. Did you mean 'hooks'?",
      'INVALID_PLUGIN_TYPE plugin_type: expected one of gateway, ai_studio, agent, got "studio". Did you mean \'ai_studio\'?',
      "MANIFEST_INVALID version: expected a SemVer version such as 1.2.0, got '1.0'.",
      "MANIFEST_INVALID entry: expected a relative path inside the package, got '../outside.js'.",
      "INVALID_SCOPE permissions.services[0]: unknown scope 'llm.read'. Did you mean 'llms.read'?",
      "MANIFEST_INVALID permissions.network[0]: expected host:port, for example api.example.com:443 or *.example.com:443, got 'api.example.com'; a port is always named, and a star stands only for the labels before a domain.",
      "MANIFEST_INVALID compat.app: expected a SemVer range such as >=1.0 <2.0, got 'newest'.",
      "INCOMPATIBLE compat.api[0]: no API 'hooks-v2' is known. Did you mean 'hooks-v1'?",
      "DUPLICATE_UI_SLOT ui.slots[1]: the slot sidebar.link 'A' is registered twice; remove one of them.",
    ]);
  });

  it('finds one path on two pages of one plugin', () => {
    const page = { type: 'route', path: '/admin/a', title: 'A' };
    const slots = [
      { slot: 'sidebar.section', label: 'A', items: [page] },
      { slot: 'sidebar.section', label: 'B', items: [page] },
    ];
    expect(problemsOf({ ...minimal, ui: { slots } })).toEqual([
      "DUPLICATE_UI_SLOT ui.slots[1].items[0].path: the path '/admin/a' is claimed twice; give one of them another.",
    ]);
  });

  it('takes id, name and description from the package', () => {
    const info = { name: '@acme/rate-limit', version: '2.1.0', description: 'Limits rates.' };
    expect(manifestOf({ version: '2.1.0' }, info).manifest).toMatchObject({
      id: 'acme.rate-limit',
      name: 'rate-limit',
      packageName: '@acme/rate-limit',
      description: 'Limits rates.',
    });
    expect(manifestOf({ version: '1.0.0' }, { name: 'plain' }).manifest.id).toBe('plain');
  });

  it('refuses a version that differs from the package', () => {
    expect(problemsOf(minimal, { name: 'a', version: '1.0.1' })).toEqual([
      'MANIFEST_MISMATCH version: expected 1.0.1 as in package.json, got 1.0.0. Make both equal.',
    ]);
  });

  it('knows no id for a plugin whose name is none, without a package', () => {
    expect(problemsOf({ name: 'My Plugin', version: '1.0.0' })[0]).toContain('MISSING_REQUIRED_FIELD id');
  });

  it('knows every scope, and reads an alias as what it stands for', () => {
    const services = [...Object.keys(SCOPES), ...Object.keys(SCOPE_ALIASES)];
    const { manifest, notices } = manifestOf({ ...minimal, permissions: { services } });
    expect(manifest.permissions.services).toEqual(Object.keys(SCOPES));
    expect(notices).toEqual([
      {
        code: 'ALIAS_USED',
        message: "scope 'tools.call' is read as 'tools.execute'.",
        keys: ['permissions', 'services', services.length - 1],
      },
    ]);
  });

  it('reads hooks as a list and as a map', () => {
    expect(manifestOf({ ...minimal, hooks: ['tool_pre_invoke'] }).manifest.hooks).toEqual({
      tool_pre_invoke: {},
    });
    const hooks = {
      tool_pre_invoke: { mode: 'audit', priority: 5, timeout_ms: 100, conditions: [{ tools: ['x'] }] },
      tool_post_invoke: null,
    };
    expect(manifestOf({ ...minimal, hooks }).manifest.hooks).toEqual({
      tool_pre_invoke: { mode: 'audit', priority: 5, timeoutMs: 100, conditions: [{ tools: ['x'] }] },
      tool_post_invoke: {},
    });
  });

  it('names the fault inside the form that was meant', () => {
    expect(problemsOf({ ...minimal, hooks: { tool_pre_invoke: { mdoe: 'audit' } } })).toEqual([
      "MANIFEST_INVALID hooks.tool_pre_invoke.mdoe: unknown key 'mdoe'. Did you mean 'mode'?",
    ]);
    expect(problemsOf({ ...minimal, hooks: 3 })).toEqual([
      'MANIFEST_INVALID hooks: expected a list of hook names, or a map from a hook name to {mode, priority, conditions, timeout_ms}, got number 3.',
    ]);
  });

  it('reads capabilities as labels in both forms', () => {
    expect(manifestOf({ ...minimal, capabilities: ['a', 'b'] }).manifest.capabilities).toEqual(['a', 'b']);
    expect(
      manifestOf({ ...minimal, capabilities: { hooks: ['a'], ui: ['a', 'c'] } }).manifest.capabilities,
    ).toEqual(['a', 'c']);
  });

  it.each([
    [87, 87],
    ['87%', 87],
    ['87.5 %', 87.5],
    ['100%', 100],
  ])('reads a coverage of %s', (written, read) => {
    expect(
      manifestOf({ ...minimal, quality: { test_coverage: written } }).manifest.quality?.testCoverage,
    ).toBe(read);
  });

  it.each([101, -1, '101%', 'most'])('refuses a coverage of %s', (written) => {
    expect(problemsOf({ ...minimal, quality: { test_coverage: written } })).toHaveLength(1);
  });

  it('reads a date that a YAML reader made an object of', () => {
    const quality = { security_audit: new Date('2026-01-15') };
    expect(manifestOf({ ...minimal, quality }).manifest.quality?.securityAudit).toBe('2026-01-15');
  });

  it('refuses a configuration schema that cannot be used', () => {
    const bad = (config_schema: unknown) => problemsOf({ ...minimal, config_schema });
    expect(bad({ type: 'object', properties: { a: { type: 'txt' } } })[0]).toContain(
      'MANIFEST_INVALID config_schema: the schema cannot be used',
    );
    expect(bad({ type: 'array' })[0]).toContain("expected a schema of 'type: object'");
    expect(bad({ $schema: 'http://json-schema.org/draft-04/schema#' })[0]).toContain('draft-07');
    expect(bad({ properties: { a: { pattern: '(' } } })[0]).toContain('the schema cannot be used');
    expect(bad({ properties: { a: { $ref: 'https://example.com/other.json' } } })[0]).toContain(
      'the schema cannot be used',
    );
  });

  it('says which keywords of a configuration schema have no effect', () => {
    const { notices } = manifestOf({
      ...minimal,
      config_schema: { type: 'object', properties: { a: { type: 'string', minLenght: 3 } } },
    });
    expect(notices).toMatchObject([{ code: 'UNKNOWN_SCHEMA_KEYWORD', keys: ['config_schema'] }]);
    expect(notices[0]?.message).toContain('minLenght');
  });

  it('reads hooks of its own in both forms', () => {
    const payload = { type: 'object', properties: { a: { type: 'string' } } };
    const wanted = [{ name: 'order_placed', payload, writable: ['a'] }];
    const both = [
      [{ name: 'order_placed', payload, writable: ['a'] }],
      { order_placed: { payload, writable: ['a'] } },
    ];
    for (const custom_hooks of both) {
      expect(manifestOf({ ...minimal, contributes: { custom_hooks } }).manifest.customHooks).toEqual(wanted);
    }
    expect(
      problemsOf({ ...minimal, contributes: { custom_hooks: { tool_pre_invoke: { payload } } } })[0],
    ).toContain('is built in');
  });

  it('keeps a key named __proto__ out of the prototype', () => {
    const value: unknown = JSON.parse('{"id":"a","name":"a","version":"1.0.0","__proto__":{"entry":"x.js"}}');
    expect(problemsOf(value)[0]).toContain('__proto__');
  });

  it('does not change what it is given', () => {
    const value = Object.freeze({ ...minimal, hooks: Object.freeze(['tool_pre_invoke']) });
    expect(checkManifest(value).ok).toBe(true);
  });

  it.each(['/abs.js', '..', 'a/../../b.js', 'C:\\x.js', 'c:/x.js', 'file:///x.js', 'a\\..\\b.js', 'a\0.js'])(
    'refuses the entry %j',
    (entry) => {
      expect(problemsOf({ ...minimal, entry })).toHaveLength(1);
    },
  );

  it.each(['dist/index.js', './dist/index.js', 'a..b/index.js'])('takes the entry %j', (entry) => {
    expect(problemsOf({ ...minimal, entry })).toEqual([]);
  });
});
