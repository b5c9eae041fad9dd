import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createFolder, load, plugin, problemsOf } from './config.test-support.js';

const yaml = (...lines: readonly string[]): string => `${lines.join('\n')}\n`;

describe('loadConfig', () => {
  it('fills in every default of an empty file', async () => {
    const folder = await createFolder({ 'bulkhead.yaml': '' });
    const { config, files } = await load(folder);
    expect(files).toEqual([join(folder.path, 'bulkhead.yaml')]);
    expect(config).toMatchObject({
      environment: 'production',
      host: {
        dataDir: join(folder.path, '.bulkhead'),
        pluginsDir: join(folder.path, '.bulkhead/plugins'),
        cacheDir: join(folder.path, '.bulkhead/cache'),
        sandbox: 'auto',
        envAllow: [],
      },
      listen: {
        data: { host: '127.0.0.1', port: 7410, allowedHosts: [], behindProxy: false },
        control: { host: '127.0.0.1', port: 7411 },
      },
      limits: { callTimeoutMs: 5_000, maxPayloadBytes: 1_000_000, auditBudgetMs: 50, stateTtlMs: 300_000 },
      lifecycle: {
        healthIntervalMs: 2_000,
        healthTimeoutMs: 1_000,
        healthMisses: 3,
        crashLimit: 5,
        crashWindowMs: 60_000,
      },
      link: { mtls: 'auto' },
      policy: { failOpen: 'allow', denyAs: 'error', exposeViolationDetails: false },
      upstreams: [],
      apps: [],
      plugins: [],
      notices: [],
    });
  });

  it.each(['7', '[production]', 'true', '{ name: development }'])(
    'refuses the environment %s instead of taking it for production',
    async (environment) => {
      const folder = await createFolder({ 'bulkhead.yaml': yaml(`environment: ${environment}`) });
      const problems = await problemsOf(load(folder), folder.path);
      expect(problems).toHaveLength(1);
      expect(JSON.stringify(problems)).toContain('a name such as production or development');
    },
  );

  it.skipIf(process.platform === 'win32')('does not wait for a pipe in place of the file', async () => {
    const folder = await createFolder({});
    execFileSync('sh', ['-c', 'mkfifo "$1"', 'sh', join(folder.path, 'bulkhead.yaml')]);
    const problems = await problemsOf(load(folder), folder.path);
    expect(JSON.stringify(problems)).toContain('expected a regular file');
  });

  it('refuses server names whose tools could be taken for those of another', async () => {
    const folder = await createFolder({
      'bulkhead.yaml': yaml(
        'mcp_servers:',
        '  a_: { command: x }',
        '  a__b: { command: x }',
        '  a_b: { command: x }',
      ),
    });
    expect(await problemsOf(load(folder), folder.path)).toHaveLength(2);
  });

  it('tells every fault at once, with file, line, key, what was expected and what came', async () => {
    const folder = await createFolder({
      'bulkhead.yaml': yaml(
        'envirnment: test',
        'limits:',
        '  call_timeout_ms: soon',
        'listen:',
        '  data:',
        '    address: 0.0.0.0:80',
        'plugins:',
        '  guard:',
        '    mode: sequental',
        '    hooks: [tool_pre_invok]',
        '  absent: {}',
        'mcp_servers:',
        '  both: { command: x, url: "http://127.0.0.1:1" }',
      ),
    });
    expect(await problemsOf(load(folder), folder.path)).toEqual([
      "bulkhead.yaml:1 envirnment: unknown key 'envirnment'. Did you mean 'environment'?",
      'bulkhead.yaml:3 limits.call_timeout_ms: expected a whole number, got "soon".',
      "bulkhead.yaml:6 listen.data.address: '0.0.0.0:80' is not a loopback address and would take requests without TLS. Put a proxy in front and set behind_proxy: true, or listen on 127.0.0.1.",
      'bulkhead.yaml:9 plugins.guard.mode: expected one of sequential, transform, audit, concurrent, fire_and_forget, disabled, enforce, enforce_ignore_error, permissive, got "sequental". Did you mean \'sequential\'?',
      "bulkhead.yaml:10 plugins.guard.hooks[0]: the plugin com.example.guard does not declare the hook 'tool_pre_invok'; it has tool_pre_invoke, tool_post_invoke. Did you mean 'tool_pre_invoke'?",
      "bulkhead.yaml:11 plugins.absent: no plugin is installed for 'absent'.",
      'bulkhead.yaml:13 mcp_servers.both: expected either a command (stdio) or a url (Streamable HTTP), not both and not none.',
    ]);
  });

  it('refuses a file that is not there, is no map, or is broken', async () => {
    const folder = await createFolder();
    expect(await problemsOf(load(folder), folder.path)).toEqual([
      'bulkhead.yaml:: there is no such file. `bulkhead init` writes one.'.replace(':: ', ': : '),
    ]);
    await folder.write({ 'bulkhead.yaml': '- a\n' });
    expect((await problemsOf(load(folder), folder.path))[0]).toContain('expected a map of keys');
    await folder.write({ 'bulkhead.yaml': 'plugins: {}\nplugins: {}\n' });
    expect((await problemsOf(load(folder), folder.path))[0]).toMatch(/^bulkhead.yaml:2 .*unique/i);
  });

  it('lays the overlay of the environment over the file', async () => {
    const folder = await createFolder({
      'bulkhead.yaml': yaml(
        'environment: staging',
        'limits: { call_timeout_ms: 100, audit_budget_ms: 7 }',
        'plugins:',
        '  - name: guard',
        '    priority: 5',
      ),
      'bulkhead.staging.yaml': yaml(
        'limits:',
        '  call_timeout_ms: 200',
        'plugins:',
        '  guard: { mode: audit }',
      ),
      'bulkhead.other.yaml': yaml('limits: { audit_budget_ms: 9 }'),
    });
    const staging = await load(folder);
    expect(staging.config).toMatchObject({
      environment: 'staging',
      limits: { callTimeoutMs: 200, auditBudgetMs: 7 },
      plugins: [{ mode: 'audit', hooks: [{ priority: 5 }, { priority: 5 }] }],
    });
    expect(staging.files.map((file) => file.slice(folder.path.length + 1))).toEqual([
      'bulkhead.yaml',
      'bulkhead.staging.yaml',
    ]);
    const other = await load(folder, { environment: 'other' });
    expect(other.config).toMatchObject({
      environment: 'other',
      limits: { callTimeoutMs: 100, auditBudgetMs: 9 },
    });
  });

  it('names the overlay when the fault is there', async () => {
    const folder = await createFolder({
      'bulkhead.yaml': yaml('plugins:', '  guard: {}'),
      'bulkhead.production.yaml': yaml('environment: test'),
    });
    expect(await problemsOf(load(folder), folder.path)).toEqual([
      'bulkhead.production.yaml:1 environment: an overlay cannot change the environment that chose it.',
    ]);
    await folder.write({ 'bulkhead.production.yaml': yaml('plugins:', '  guard:', '    instances: 2') });
    expect(await problemsOf(load(folder), folder.path)).toEqual([
      'bulkhead.production.yaml:3 plugins.guard.instances: expected 1, got 2: com.example.guard keeps its state in one process (its manifest does not say instances: many).',
    ]);
  });

  it('lets the command line win', async () => {
    const folder = await createFolder({
      'bulkhead.yaml': 'host: { data_dir: ./here, cache_dir: ./there }\n',
    });
    const { config } = await load(folder, { overrides: { dataDir: '/elsewhere' } });
    expect(config.host).toMatchObject({
      dataDir: '/elsewhere',
      pluginsDir: '/elsewhere/plugins',
      cacheDir: join(folder.path, 'there'),
    });
  });

  it('lets an overlay take a plugin out, and refuses a null that takes out nothing', async () => {
    const folder = await createFolder({
      'bulkhead.yaml': yaml('plugins:', '  guard: {}'),
      'bulkhead.production.yaml': yaml('plugins: { guard: null }'),
    });
    expect((await load(folder)).config.plugins).toEqual([]);
    await folder.write({ 'bulkhead.yaml': yaml('plugins:', '  guard:'), 'bulkhead.production.yaml': '' });
    expect(await problemsOf(load(folder), folder.path)).toEqual([
      'bulkhead.yaml:2 plugins.guard: there is nothing here that null could remove. Write {} for all defaults.',
    ]);
  });

  it('takes directories relative to the file in which they stand', async () => {
    const folder = await createFolder({
      'bulkhead.yaml': yaml('plugins:', '  mine: { plugin: ./plugins/mine }'),
    });
    const mine = plugin({ name: 'mine' }, join(folder.path, 'plugins/mine'));
    const { config } = await load(folder, { directories: { [mine.directory]: mine } });
    expect(config.plugins[0]?.directory).toBe(mine.directory);
  });
});

describe("a plugin's configuration", () => {
  const schema = {
    type: 'object',
    properties: {
      level: { type: 'string', default: 'schema' },
      size: { type: 'integer', default: 1 },
      list: { type: 'array', items: { type: 'string' }, default: ['schema'] },
      map: {
        type: 'object',
        default: { a: 'schema' },
        properties: { a: { type: 'string' }, b: { type: 'string' }, c: { type: 'string' } },
      },
      token: { type: 'string', writeOnly: true },
    },
  };

  it('comes from all layers, later ones first', async () => {
    const folder = await createFolder({
      'pkg/config.yaml': yaml('level: package', 'size: 2', 'list: [package]', 'map: { b: package }'),
      'bulkhead.yaml': yaml(
        'plugins:',
        '  guard:',
        '    config: { level: file, list: [file, file], map: { c: file } }',
      ),
      'bulkhead.production.yaml': yaml('plugins: { guard: { config: { size: null } } }'),
      '.bulkhead/config/com.example.guard/config.json': '{"level": "operator"}',
    });
    const guard = plugin({ name: 'guard', config_schema: schema }, join(folder.path, 'pkg'));
    const { config } = await load(folder, { plugins: [guard] });
    expect(config.plugins[0]?.config).toEqual({
      level: 'operator',
      list: ['file', 'file'],
      map: { a: 'schema', b: 'package', c: 'file' },
    });
  });

  it('names the layer in which a fault is', async () => {
    const folder = await createFolder({
      'pkg/config.yaml': yaml('size: two'),
      'bulkhead.yaml': yaml('plugins:', '  guard:', '    config:', '      levle: x'),
      '.bulkhead/config/com.example.guard/config.yml': yaml('', 'list: one'),
    });
    const guard = plugin(
      { name: 'guard', config_schema: { ...schema, required: ['token'] } },
      join(folder.path, 'pkg'),
    );
    expect((await problemsOf(load(folder, { plugins: [guard] }), folder.path)).toSorted()).toEqual([
      '.bulkhead/config/com.example.guard/config.yml:2 plugins.guard.config.list: expected a list, got "one".',
      "bulkhead.yaml:3 plugins.guard.config.token: expected the key 'token', and it is missing.",
      "bulkhead.yaml:4 plugins.guard.config.levle: unknown key 'levle'. Did you mean 'level'?",
      'pkg/config.yaml:1 plugins.guard.config.size: expected a whole number, got "two".',
    ]);
  });

  it('reads allowed variables in files of an operator, none in files of a package', async () => {
    const folder = await createFolder({
      'pkg/config.yaml': yaml('level: ${env:TOKEN}'),
      'bulkhead.yaml': yaml(
        'host: { env_allow: [TOKEN] }',
        'plugins:',
        '  guard: { config: { token: "${env:TOKEN}" } }',
      ),
      '.bulkhead/config/com.example.guard/config.yaml': yaml('list: ["${env:TOKEN}"]'),
    });
    const guard = plugin({ name: 'guard', config_schema: schema }, join(folder.path, 'pkg'));
    const { config } = await load(folder, { plugins: [guard], env: { TOKEN: 't' } });
    expect(config.plugins[0]?.config).toMatchObject({ level: '${env:TOKEN}', token: 't', list: ['t'] });
    expect(config.notices).toMatchObject([
      {
        code: 'REFERENCE_NOT_RESOLVED',
        plugin: 'guard',
        file: join(folder.path, 'pkg/config.yaml'),
        line: 1,
      },
    ]);
  });

  it('refuses a variable that is not allowed for plugins, and never shows a value that was read', async () => {
    const folder = await createFolder({
      'bulkhead.yaml': yaml(
        'host: { env_allow: [SIZE] }',
        'plugins:',
        '  guard:',
        '    config:',
        '      token: ${env:TOKEN}',
        '      size: ${env:SIZE}',
      ),
    });
    const guard = plugin({ name: 'guard', config_schema: schema });
    expect(
      await problemsOf(load(folder, { plugins: [guard], env: { TOKEN: 't', SIZE: 's3cret' } }), folder.path),
    ).toEqual([
      'bulkhead.yaml:5 plugins.guard.config.token: ${env:TOKEN} may not be read for a plugin. Add TOKEN to host.env_allow to permit it.',
      'bulkhead.yaml:6 plugins.guard.config.size: expected a whole number, got the value of ${env:SIZE}.',
    ]);
  });

  it('refuses two configuration files side by side', async () => {
    const folder = await createFolder({
      'pkg/config.yaml': '',
      'pkg/config.json': '{}',
      'bulkhead.yaml': 'plugins: { guard: {} }',
    });
    expect(
      (await problemsOf(load(folder, { plugins: [plugin({ name: 'guard' }, join(folder.path, 'pkg'))] })))[0],
    ).toContain('found more than one');
  });
});
