import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { plugin, problemsOf, resolve } from './config.test-support.js';

describe('resolveConfig', () => {
  const hooksOf = async (entry: unknown, manifest: Readonly<Record<string, unknown>> = {}) =>
    (await resolve({ plugins: { guard: entry } }, { plugins: [plugin({ name: 'guard', ...manifest })] }))
      .config.plugins[0]?.hooks;
  const faultsOf = (entry: unknown, more: Readonly<Record<string, unknown>> = {}) =>
    problemsOf(resolve({ plugins: { guard: entry }, ...more }));

  it('takes an object, without lines', async () => {
    const { config } = await resolve({ plugins: { guard: { enabled: true } } });
    expect(config.plugins).toMatchObject([
      { name: 'guard', enabled: true, maxInFlight: 256, maxQueue: 1_024 },
    ]);
    expect(await problemsOf(resolve({ plugin: {} }))).toEqual([
      "plugin: unknown key 'plugin'. Did you mean 'plugins'?",
    ]);
    expect(await problemsOf(resolve({ a: () => 1 }))).toHaveLength(1);
  });

  it('puts what a hook says over the entry, over the manifest, over the host', async () => {
    const manifest = {
      hooks: { tool_pre_invoke: { mode: 'audit', priority: 7, timeout_ms: 70 }, tool_post_invoke: {} },
      limits: { timeout_ms: 33 },
    };
    expect(await hooksOf({}, manifest)).toMatchObject([
      { hook: 'tool_pre_invoke', mode: 'audit', priority: 7, timeoutMs: 70 },
      { hook: 'tool_post_invoke', mode: 'sequential', priority: 100, timeoutMs: 33 },
    ]);
    expect(
      await hooksOf(
        {
          mode: 'concurrent',
          timeout_ms: 9,
          hooks: { tool_pre_invoke: { priority: 1, mode: 'transform' }, tool_post_invoke: {} },
        },
        manifest,
      ),
    ).toMatchObject([
      { mode: 'transform', priority: 1, timeoutMs: 9 },
      { mode: 'concurrent', priority: 100, timeoutMs: 9 },
    ]);
  });

  it('leaves out a hook that is disabled, and does not start an entry that is', async () => {
    expect(
      await hooksOf({ hooks: { tool_pre_invoke: { mode: 'disabled' }, tool_post_invoke: {} } }),
    ).toMatchObject([{ hook: 'tool_post_invoke' }]);
    const { config } = await resolve({ plugins: { guard: { mode: 'disabled' } } });
    expect(config.plugins[0]?.enabled).toBe(false);
  });

  it.each([
    ['enforce', 'sequential', 'fail'],
    ['enforce_ignore_error', 'sequential', 'ignore'],
    ['permissive', 'transform', 'fail'],
  ])('reads the older mode %s as %s with on_error %s, and says so', async (written, mode, onError) => {
    const { config } = await resolve({ plugins: { guard: { mode: written } } });
    expect(config.plugins[0]).toMatchObject({ mode, onError });
    expect(config.notices.some((notice) => notice.code === 'ALIAS_USED')).toBe(true);
  });

  it('says FAILS_OPEN for what lets requests pass when it is down, and refuses it where that is forbidden', async () => {
    const said = async (entry: unknown) =>
      (await resolve({ plugins: { guard: entry } })).config.notices.filter(
        (notice) => notice.code === 'FAILS_OPEN',
      ).length;
    expect(await said({ mode: 'transform' })).toBe(1);
    expect(await said({ on_error: 'ignore' })).toBe(1);
    expect(await said({ mode: 'sequential' })).toBe(0);
    expect(await said({ mode: 'audit' })).toBe(0);
    expect(await said({ mode: 'transform', enabled: false })).toBe(0);
    expect((await faultsOf({ mode: 'transform' }, { policy: { fail_open: 'forbid' } }))[0]).toContain(
      'policy.fail_open is forbid',
    );
    expect(await faultsOf({}, { policy: { fail_open: 'forbid' } })).toEqual([]);
  });

  it('holds maturity against the environment and the policy', async () => {
    const alpha = { plugins: [plugin({ name: 'guard', maturity: 'alpha' })] };
    const entry = { plugins: { guard: {} } };
    expect((await resolve(entry, alpha)).config.notices).toMatchObject([
      { code: 'NOT_STABLE', plugin: 'guard' },
    ]);
    expect((await resolve({ ...entry, environment: 'development' }, alpha)).config.notices).toEqual([]);
    expect(await problemsOf(resolve({ ...entry, policy: { min_maturity: 'beta' } }, alpha))).toEqual([
      'plugins.guard: policy.min_maturity is beta, and it is alpha.',
    ]);
  });

  it('refuses a plugin that needs another host, unless it is not enabled', async () => {
    const plugins = [plugin({ name: 'guard', compat: { app: '>=2.0' } })];
    expect(await problemsOf(resolve({ plugins: { guard: {} } }, { plugins }))).toEqual([
      'plugins.guard: com.example.guard needs Bulkhead >=2.0, and this is 0.1.0.',
    ]);
    expect(await problemsOf(resolve({ plugins: { guard: { enabled: false } } }, { plugins }))).toEqual([]);
  });

  it('refuses conditions that can never apply', async () => {
    expect(
      (await faultsOf({ hooks: { tool_pre_invoke: { conditions: [{ prompts: ['x'] }] } } }))[0],
    ).toContain("'prompts' can never apply to tool_pre_invoke");
    expect(await hooksOf({ conditions: { tools: ['echo'] } })).toMatchObject([
      { conditions: [{ tools: ['echo'] }] },
      { conditions: [{ tools: ['echo'] }] },
    ]);
  });

  it('reads tools with fields as registrations with conditions', async () => {
    const tools = [
      { tool_name: 'a', fields: ['/x'] },
      { tool_name: 'b', fields: ['/x'] },
      { tool_name: 'c', fields: ['*'] },
    ];
    expect(
      await hooksOf({ hooks: { tool_pre_invoke: { tools, conditions: { tenant_ids: ['t'] } } } }),
    ).toMatchObject([
      { hook: 'tool_pre_invoke', fields: ['/x'], conditions: [{ tenant_ids: ['t'], tools: ['a', 'b'] }] },
      { hook: 'tool_pre_invoke', conditions: [{ tenant_ids: ['t'], tools: ['c'] }] },
    ]);
    expect(
      (await faultsOf({ hooks: { tool_pre_invoke: { tools: [...tools, { tool_name: '*' }] } } }))[0],
    ).toContain('the plugin would run twice');
  });

  it('takes batches only in the background', async () => {
    expect(
      await hooksOf({ mode: 'fire_and_forget', hooks: { tool_pre_invoke: { batch: { max: 5 } } } }),
    ).toMatchObject([{ batch: { max: 5, maxWaitMs: 1_000 } }]);
    expect(await faultsOf({ hooks: { tool_pre_invoke: { batch: { max: 5 } } } })).toHaveLength(1);
  });

  it('knows hooks that the configuration, the embedder or a manifest declares', async () => {
    const payload = { type: 'object', properties: { a: { type: 'string' } } };
    const guard = plugin({
      name: 'guard',
      hooks: ['from_file', 'from_code', 'from_manifest', 'unknown_hook'],
      contributes: { custom_hooks: { from_manifest: { payload } } },
    });
    const options = { plugins: [guard], customHooks: [{ name: 'from_code', payload }] };
    const object = {
      custom_hooks: { from_file: { payload, writable: ['a'] } },
      plugins: { guard: { hooks: ['from_file', 'from_code', 'from_manifest'] } },
    };
    const { config } = await resolve(object, options);
    expect(config.customHooks.map((hook) => hook.name).sort()).toEqual([
      'from_code',
      'from_file',
      'from_manifest',
    ]);
    expect(config.plugins[0]?.hooks).toHaveLength(3);
    expect(await problemsOf(resolve({ ...object, plugins: { guard: {} } }, options))).toEqual([
      "plugins.guard: no hook 'unknown_hook' is known. Declare it under custom_hooks.",
    ]);
    expect(
      await problemsOf(
        resolve({
          custom_hooks: { x: { payload: {} }, tool_pre_invoke: { payload }, y: { payload, writable: ['b'] } },
        }),
      ),
    ).toEqual([
      'custom_hooks.x.payload: expected a JSON Schema with properties.',
      "custom_hooks.tool_pre_invoke: the hook 'tool_pre_invoke' is built in; give yours another name.",
      "custom_hooks.y.writable[0]: 'b' is no member of the payload.",
    ]);
  });

  it('grants what the manifest asks for, or less, never more', async () => {
    const plugins = [
      plugin({ name: 'guard', permissions: { context: ['read_user', 'read_roles'], services: ['kv.read'] } }),
    ];
    const granted = async (grants: object) => {
      const { config } = await resolve({ plugins: { guard: { grants } } }, { plugins });
      return [config.plugins[0]?.grantedContext, config.plugins[0]?.grantedScopes];
    };
    expect(await granted({ context: ['read_user'], scopes: [] })).toEqual([['read_user'], []]);
    expect(await granted({ scopes: ['kv.read'] })).toEqual([[], ['kv.read']]);
    expect(
      (
        await problemsOf(
          resolve({ plugins: { guard: { grants: { scopes: ['kv.readwrite'] } } } }, { plugins }),
        )
      )[0],
    ).toContain("does not ask for 'kv.readwrite'");
  });

  it('lets of the object hooks those run that are granted, or listed where the manifest is silent', async () => {
    const declared = [{ object: 'llm', hooks: ['before_create', 'after_create'], priority: 7 }];
    const plugins = [plugin({ name: 'guard', object_hooks: declared }), plugin({ name: 'silent' })];
    const running = async (entries: object) => {
      const { config } = await resolve({ plugins: entries }, { plugins });
      return config.plugins.map(({ objectHooks, granted, grantMissing }) => [
        objectHooks,
        granted.objectHooks,
        grantMissing !== undefined,
      ]);
    };
    const one = { object: 'llm', hooks: ['before_create'], priority: 7 };
    const first = 'llm.before_create';
    const second = 'llm.after_create';
    expect(await running({ guard: {} })).toEqual([[[], [], true]]);
    expect(await running({ guard: { grants: {} } })).toEqual([[[], [], false]]);
    expect(await running({ guard: { grants: { object_hooks: [first] } } })).toEqual([
      [[one], [first], false],
    ]);
    expect(await running({ guard: { grants: { object_hooks: ['llm.*'] } } })).toEqual([
      [declared, [first, second], false],
    ]);
    expect(await running({ silent: { object_hooks: [one] } })).toEqual([[[one], [first], false]]);
    const faults = (entries: object) => problemsOf(resolve({ plugins: entries }, { plugins }));
    expect(await faults({ guard: { grants: {}, object_hooks: [one] } })).toEqual([
      expect.stringMatching(/declares its object hooks itself.*grants\.object_hooks/),
    ]);
    expect(await faults({ guard: { grants: { object_hooks: ['tool.*'] } } })).toEqual([
      expect.stringContaining("does not ask for 'tool.*'"),
    ]);
    expect(await faults({ guard: { grants: { object_hooks: ['llm'] } } })).toEqual([
      expect.stringContaining('expected <object>.<hook>'),
    ]);
  });

  it('hashes the keys of apps, and refuses one in clear', async () => {
    const hash = createHash('sha256').update('a-long-enough-key').digest('hex');
    const apps = {
      web: { keys: ['${env:KEY}', `sha256:${'AB'.repeat(32)}`], tenant_id: 't', assert_context: true },
    };
    const { config } = await resolve({ apps }, { env: { KEY: 'a-long-enough-key' } });
    expect(config.apps).toEqual([
      { id: 'web', keyHashes: [hash, 'ab'.repeat(32)], tenantId: 't', assertContext: true },
    ]);
    const faults = await problemsOf(resolve({ apps: [{ id: 'web', keys: ['a-long-enough-key'] }] }));
    expect(faults).toHaveLength(1);
    expect(faults[0]).not.toContain('a-long-enough-key');
    expect(
      (await problemsOf(resolve({ apps: { a: { keys: ['${env:K}'] } } }, { env: { K: 'short' } })))[0],
    ).toContain('at least 16 characters');
  });

  it('resolves upstream servers', async () => {
    const { config } = await resolve(
      {
        mcp_servers: {
          one: { command: './server', args: ['-v'], env: { A: '${env:A}' } },
          two: { url: 'https://example.com/mcp', headers: { authorization: 'Bearer ${env:A}' } },
          off: { command: 'x', enabled: false },
        },
      },
      { env: { A: 'a' } },
    );
    expect(config.upstreams).toEqual([
      {
        name: 'one',
        transport: 'stdio',
        command: '/base/server',
        args: ['-v'],
        env: { A: 'a' },
        cwd: '/base',
        startTimeoutMs: 15_000,
        callTimeoutMs: 60_000,
      },
      {
        name: 'two',
        transport: 'http',
        url: 'https://example.com/mcp',
        headers: { authorization: 'Bearer a' },
        startTimeoutMs: 15_000,
        callTimeoutMs: 60_000,
      },
    ]);
    expect(await problemsOf(resolve({ mcp_servers: { a__b: { command: 'x' } } }))).toHaveLength(1);
    expect((await problemsOf(resolve({ mcp_servers: { a: { url: 'ftp://x' } } })))[0]).toContain(
      'expected an http or https address',
    );
  });

  it.each([
    ['127.0.0.1:0', '127.0.0.1', 0],
    ['localhost:80', 'localhost', 80],
    ['[::1]:7410', '::1', 7410],
  ])('listens on %s', async (address, host, port) => {
    const { config } = await resolve({ listen: { data: { address } } });
    expect(config.listen.data).toMatchObject({ host, port });
  });

  it('listens beyond loopback only behind a proxy, and never pretends to serve TLS', async () => {
    const fault = (data: unknown) => problemsOf(resolve({ listen: { data } }));
    expect(await fault({ address: '0.0.0.0:1', behind_proxy: true })).toEqual([]);
    expect((await fault({ address: '10.0.0.1:1' }))[0]).toContain('not a loopback address');
    expect((await fault({ tls: {} }))[0]).toContain('TLS is not served yet');
    expect((await fault({ address: 'nowhere' }))[0]).toContain('expected host:port');
    expect((await fault({ address: '127.0.0.1:99999' }))[0]).toContain('expected host:port');
  });

  it('refuses to run without a wall in production', async () => {
    expect(await problemsOf(resolve({ host: { sandbox: 'off' } }))).toHaveLength(1);
    expect(await problemsOf(resolve({ host: { sandbox: 'off' }, environment: 'development' }))).toEqual([]);
  });

  it('does not miss the plugin of an entry that is not enabled', async () => {
    const { config } = await resolve({ plugins: { absent: { enabled: false } } });
    expect(config.plugins).toEqual([]);
    expect(config.notices).toMatchObject([{ code: 'PLUGIN_NOT_FOUND', plugin: 'absent' }]);
  });

  it('refuses one name twice, and an item without one', async () => {
    expect(await problemsOf(resolve({ plugins: [{ name: 'guard' }, { name: 'guard' }] }))).toEqual([
      "plugins[1].name: 'guard' is listed twice; each item needs a name of its own.",
    ]);
    expect(await problemsOf(resolve({ plugins: [{ kind: 'guard' }] }))).toHaveLength(1);
    expect(
      await problemsOf(resolve({ plugins: { guard: { plugin: 'guard', kind: 'guard' } } })),
    ).toHaveLength(1);
  });

  it('runs a program of the operator without a package', async () => {
    const { config } = await resolve({
      plugins: {
        go: {
          command: ['./bin/go', '-x'],
          hooks: { tool_pre_invoke: { priority: 3 } },
          env: { A: '1' },
          network: 'tcp',
        },
      },
    });
    expect(config.plugins).toMatchObject([
      {
        command: ['/base/bin/go', '-x'],
        directory: '/base',
        network: 'tcp',
        env: { A: '1' },
        hooks: [{ hook: 'tool_pre_invoke', priority: 3 }],
      },
    ]);
  });

  it('does not let names of the prototype in', async () => {
    const object: unknown = JSON.parse(
      '{"plugins": {"__proto__": {"enabled": true}, "constructor": {"enabled": false}}}',
    );
    expect(await problemsOf(resolve(object))).toEqual([
      "plugins.__proto__: no plugin is installed for '__proto__'.",
    ]);
  });
});
