import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createFolder, load, plugin } from './config.test-support.js';
import { explainPlugin } from './explain.js';

describe('explainPlugin', () => {
  it('names file and line, or the layer, of every effective value', async () => {
    const folder = await createFolder({
      'pkg/config.yaml': 'size: 2\n',
      'bulkhead.yaml': [
        'host: { env_allow: [TOKEN] }',
        'plugins:',
        '  guard:',
        '    priority: 5',
        '    timeout_ms: 70',
        '    env: { KEY: "${env:TOKEN}", PLAIN: x }',
        '    hooks:',
        '      tool_pre_invoke: { mode: audit }',
        '    config:',
        '      words: [a, b]',
        '      header: Bearer ${env:TOKEN}',
        '      token: in-clear',
      ].join('\n'),
      'bulkhead.production.yaml': '\nplugins: { guard: { priority: 6 } }\n',
      '.bulkhead/config/com.example.guard/config.yaml': 'nested:\n  deep: true\n',
    });
    const config_schema = {
      type: 'object',
      properties: {
        level: { type: 'string', default: 'low' },
        size: { type: 'integer', default: 1 },
        words: { type: 'array', items: { type: 'string' } },
        header: { type: 'string' },
        token: { $ref: '#/$defs/secret' },
        nested: { type: 'object', properties: { deep: { type: 'boolean' } } },
        empty: { type: 'array', default: [] },
      },
      $defs: { secret: { type: 'string', writeOnly: true } },
    };
    const guard = plugin(
      { name: 'guard', config_schema, hooks: { tool_pre_invoke: {}, tool_post_invoke: {} } },
      join(folder.path, 'pkg'),
    );
    const loaded = await load(folder, { plugins: [guard], env: { TOKEN: 's3cret' } });
    const rows = explainPlugin(loaded, 'guard');
    const lines = rows.map(({ key, value, origin }) => {
      const place =
        origin.file === undefined
          ? origin.layer
          : `${origin.file.slice(folder.path.length + 1)}:${origin.line ?? ''}`;
      return `${key} = ${value}  (${place})`;
    });
    expect(lines).toEqual([
      'enabled = true  (default)',
      'plugin = "com.example.guard"  (bulkhead.yaml:3)',
      'version = "1.0.0"  (manifest)',
      'mode = "audit"  (bulkhead.yaml:8)',
      'on_error = "fail"  (default)',
      'hooks.tool_pre_invoke.mode = "audit"  (bulkhead.yaml:8)',
      'hooks.tool_pre_invoke.priority = 6  (bulkhead.production.yaml:2)',
      'hooks.tool_pre_invoke.timeout_ms = 70  (bulkhead.yaml:5)',
      'instances = 1  (default)',
      'network = "unix"  (default)',
      'max_in_flight = 256  (default)',
      'max_queue = 1024  (default)',
      'log_level = "info"  (default)',
      'grants.context = []  (grant)',
      'grants.scopes = []  (grant)',
      'env.KEY = ${env:TOKEN}  (bulkhead.yaml:6)',
      'env.PLAIN = ***  (bulkhead.yaml:6)',
      'config.level = "low"  (schema default)',
      'config.size = 2  (pkg/config.yaml:1)',
      'config.empty = []  (schema default)',
      'config.words[0] = "a"  (bulkhead.yaml:10)',
      'config.words[1] = "b"  (bulkhead.yaml:10)',
      'config.header = Bearer ${env:TOKEN}  (bulkhead.yaml:11)',
      'config.token = ***  (bulkhead.yaml:12)',
      'config.nested.deep = true  (.bulkhead/config/com.example.guard/config.yaml:2)',
    ]);
    expect(lines.join()).not.toMatch(/s3cret|in-clear/);
  });

  it('names the older mode as the place where on_error was said', async () => {
    const folder = await createFolder({
      'bulkhead.yaml': 'plugins:\n  guard:\n    mode: enforce_ignore_error\n  other:\n    mode: audit\n',
    });
    const loaded = await load(folder, { plugins: [plugin({ name: 'guard' }), plugin({ name: 'other' })] });
    const onError = (name: string) => explainPlugin(loaded, name).find(({ key }) => key === 'on_error');
    expect(onError('guard')).toMatchObject({ value: '"ignore"', origin: { line: 3 } });
    expect(onError('other')).toMatchObject({ value: '"fail"', origin: { layer: 'default' } });
  });

  it('suggests an entry when none has the name', async () => {
    const folder = await createFolder({ 'bulkhead.yaml': 'plugins: { guard: {} }' });
    const loaded = await load(folder);
    expect(() => explainPlugin(loaded, 'gaurd')).toThrow(
      "no entry 'gaurd' is configured. Did you mean 'guard'?",
    );
    expect(explainPlugin(loaded, 'com.example.guard')).not.toEqual([]);
  });
});
