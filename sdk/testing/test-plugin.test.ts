import { isBulkheadError } from '@bulkhead/proto';
import { describe, expect, it, vi } from 'vitest';
import { definePlugin, degraded, deny, modify, type Plugin } from '../index.js';
import { testPlugin, type TestPluginOptions } from './test-plugin.js';

const base = { id: 'com.example.test', name: 'test', version: '1.0.0' };

function start(
  plugin: Plugin<never>,
  options: Partial<TestPluginOptions> & { hooks?: readonly string[] } = {},
) {
  const { hooks, ...rest } = options;
  const names = hooks ?? [
    ...new Set([...Object.keys(plugin.hooks ?? {}), ...Object.keys(plugin.batch ?? {})]),
  ];
  return testPlugin(
    definePlugin<never>(() => plugin),
    { manifest: { ...base, hooks: names }, ...rest },
  );
}

const code = (expected: string, text = /./) =>
  expect.toSatisfy((error) => isBulkheadError(error) && error.code === expected && text.test(error.message));

const call = { name: 'echo', args: { a: 1 } };

describe('an answer', () => {
  it('that is nothing allows, unchanged', async () => {
    const t = await start({ hooks: { tool_pre_invoke() {} } });
    expect(await t.invoke('tool_pre_invoke', call)).toMatchObject({
      allowed: true,
      payload: { name: 'echo', args: { a: 1 }, headers: {} },
      changed: [],
      violation: undefined,
    });
  });

  it('that denies carries its violation', async () => {
    const violation = {
      code: 'NO',
      reason: 'not today',
      details: { big: 1 },
      http_status_code: 429,
      mcp_error_code: -5,
    };
    const t = await start({ hooks: { tool_pre_invoke: () => deny(violation) } });
    expect(await t.invoke('tool_pre_invoke', call)).toMatchObject({ allowed: false, violation });
  });

  it('that modifies changes the fields that it names, also to nothing', async () => {
    const t = await start({ hooks: { tool_pre_invoke: async () => modify({ args: {} }) } });
    const result = await t.invoke('tool_pre_invoke', call);
    expect(result).toMatchObject({ payload: { name: 'echo', args: {} }, changed: ['args'], dropped: [] });
  });

  it('that changes a field which the hook protects loses that change', async () => {
    const hooks = { tool_post_invoke: (): never => modify({ name: 'other', result: 2 }) as never };
    const t = await start({ hooks });
    const result = await t.invoke('tool_post_invoke', { name: 'echo', result: 1 });
    expect(result).toMatchObject({
      payload: { name: 'echo', result: 2 },
      changed: ['result'],
      dropped: ['name'],
    });
  });

  it('of a wrong shape is INVALID_ANSWER, and the log says what is wrong', async () => {
    const t = await start({ hooks: { tool_pre_invoke: () => ({ allow: true }) as never } });
    await expect(t.invoke('tool_pre_invoke', call)).rejects.toThrow(
      code('INVALID_ANSWER', /expected nothing, modify/),
    );
    expect(t.logs).toMatchObject([
      { level: 'error', fields: { code: 'INVALID_ANSWER', hook: 'tool_pre_invoke' } },
    ]);
  });

  it('with a field of a wrong type is INVALID_ANSWER', async () => {
    const t = await start({ hooks: { tool_pre_invoke: () => modify({ headers: { a: 1 } }) as never } });
    await expect(t.invoke('tool_pre_invoke', call)).rejects.toThrow(code('INVALID_ANSWER', /headers/));
  });

  it('may change a custom hook that the manifest declares, within its policy', async () => {
    const payload = { type: 'object', properties: { to: {}, text: {} } };
    const manifest = {
      ...base,
      hooks: ['mail_sent'],
      contributes: { custom_hooks: { mail_sent: { payload, writable: ['text'] } } },
    };
    const hooks = {
      mail_sent: (mail: { text: string }) => modify({ text: mail.text.toUpperCase(), to: 'x' }),
    };
    const t = await start({ hooks } as never, { manifest });
    expect(await t.invoke('mail_sent' as never, { to: 'a', text: 'hi' } as never)).toMatchObject({
      payload: { to: 'a', text: 'HI' },
      changed: ['text'],
      dropped: ['to'],
    });
  });
});

describe('a custom hook', () => {
  const payload = { type: 'object', required: ['text'], properties: { text: { type: 'string' } } };
  const manifest = {
    ...base,
    hooks: ['mail_sent'],
    contributes: { custom_hooks: [{ name: 'mail_sent', payload }] },
  };
  const invoke = async (answer: unknown, given: unknown) => {
    const t = await start({ hooks: { mail_sent: () => answer } } as never, { manifest });
    return t.invoke('mail_sent' as never, given as never);
  };

  it('takes a payload of its schema alone', async () => {
    expect(await invoke(undefined, { text: 'hi' })).toMatchObject({ allowed: true, payload: { text: 'hi' } });
    await expect(invoke(undefined, { text: 1 })).rejects.toThrow(code('INVALID_PAYLOAD', /text/));
    await expect(invoke(undefined, {})).rejects.toThrow(code('INVALID_PAYLOAD', /text/));
  });

  it('takes a change that keeps to the schema alone', async () => {
    await expect(invoke(modify({ text: 2 }), { text: 'hi' })).rejects.toThrow(code('INVALID_ANSWER', /text/));
  });

  it('of somebody else shows every member to the handler', async () => {
    const seen = vi.fn();
    const hooks = { other_hook: (payload: { a: unknown }) => void seen(payload.a) };
    const t = await start({ hooks } as never, { manifest: { ...base, hooks: ['other_hook'] } });
    await t.invoke('other_hook' as never, { a: [1] } as never);
    expect(seen).toHaveBeenCalledWith([1]);
  });
});

describe('a handler', () => {
  it('that throws fails its own call, with the stack in the log alone', async () => {
    const hooks = {
      tool_pre_invoke(): void {
        throw new Error('the rules file is gone');
      },
    };
    const t = await start({ hooks });
    await expect(t.invoke('tool_pre_invoke', call)).rejects.toThrow(
      code('PLUGIN_ERROR', /^the rules file is gone$/),
    );
    expect(t.logs[0]?.fields['error']).toMatchObject({
      stack: expect.stringContaining('test-plugin.test') as string,
    });
  });

  it('that rejects fails its own call', async () => {
    const t = await start({ hooks: { tool_pre_invoke: () => Promise.reject(new Error('no')) } });
    await expect(t.invoke('tool_pre_invoke', call)).rejects.toThrow(code('PLUGIN_ERROR', /^no$/));
  });

  it('that does not answer in time meets its deadline, and its signal fires', async () => {
    let aborted = false;
    const t = await start({
      hooks: {
        tool_pre_invoke: (_call, ctx) =>
          new Promise<void>(() => {
            ctx.signal.addEventListener('abort', () => (aborted = true));
          }),
      },
    });
    await expect(t.invoke('tool_pre_invoke', call, { timeoutMs: 5 })).rejects.toThrow(
      code('DEADLINE_EXCEEDED'),
    );
    expect(aborted).toBe(true);
  });

  it('keeps state from hook to hook of one request, and only there', async () => {
    const t = await start({
      hooks: {
        tool_pre_invoke(_call, ctx) {
          ctx.state.set('started', 5);
          ctx.shared.set('tag', 'a');
          ctx.metadata.set('seen', true);
        },
        tool_post_invoke(_call, ctx) {
          ctx.metadata.set('started', ctx.state.get('started') ?? null);
          ctx.state.delete('started');
        },
      },
    });
    const before = await t.invoke('tool_pre_invoke', call, { requestId: 'r1' });
    expect(before).toMatchObject({ state: { started: 5 }, shared: { tag: 'a' }, metadata: { seen: true } });
    const after = await t.invoke('tool_post_invoke', { name: 'echo', result: 1 }, { requestId: 'r1' });
    expect(after).toMatchObject({ state: {}, shared: { tag: 'a' }, metadata: { started: 5 } });
    const other = await t.invoke('tool_post_invoke', { name: 'echo', result: 1 }, { requestId: 'r2' });
    expect(other.metadata).toEqual({ started: null });
  });

  it('cannot write metadata under a name of the host', async () => {
    const t = await start({ hooks: { tool_pre_invoke: (_call, ctx) => ctx.metadata.set('bulkhead.x', 1) } });
    await expect(t.invoke('tool_pre_invoke', call)).rejects.toThrow(code('PLUGIN_ERROR', /keeps for itself/));
  });

  it('sees of the context what the manifest asks for and no more', async () => {
    const seen: unknown[] = [];
    const hooks: Plugin<never>['hooks'] = {
      tool_pre_invoke(_call, ctx) {
        seen.push([ctx.tenantId, ctx.user, ctx.headers, ctx.claims]);
      },
    };
    const context = { tenantId: 't', user: { id: 'u', roles: ['r'] }, headers: { a: 'b' }, claims: { c: 1 } };
    const granted = {
      ...base,
      hooks: ['tool_pre_invoke'],
      permissions: { context: ['read_user', 'read_claims'] },
    };
    await (await start({ hooks })).invoke('tool_pre_invoke', call, context);
    await (await start({ hooks }, { manifest: granted })).invoke('tool_pre_invoke', call, context);
    expect(seen).toEqual([
      ['t', undefined, {}, undefined],
      ['t', { id: 'u' }, {}, { c: 1 }],
    ]);
  });

  it('knows how much time is left', async () => {
    let left = -1;
    const t = await start({
      hooks: {
        tool_pre_invoke(_call, ctx) {
          left = ctx.remainingMs;
          expect(ctx.deadline).toBeGreaterThan(Date.now());
        },
      },
    });
    await t.invoke('tool_pre_invoke', call, { timeoutMs: 60_000 });
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(60_000);
  });

  it('logs lines that carry the request id', async () => {
    const t = await start({ hooks: { tool_pre_invoke: (c, ctx) => ctx.log.warn('odd', { tool: c.name }) } });
    const { logs } = await t.invoke('tool_pre_invoke', call, { requestId: 'r9' });
    expect(logs).toEqual([{ level: 'warn', message: 'odd', fields: { tool: 'echo' }, requestId: 'r9' }]);
  });

  it('is told by fire_and_forget how the request ended', async () => {
    const seen = vi.fn();
    const t = await start({ hooks: { tool_pre_invoke: (_call, ctx) => void seen(ctx.outcome) } });
    const outcome = { allowed: false, deniedBy: 'guard', violation: { code: 'NO', reason: 'no' } };
    await t.invoke('tool_pre_invoke', call, { outcome });
    expect(seen).toHaveBeenCalledWith(outcome);
  });
});

describe('a batch', () => {
  const items = [{ payload: { name: 'a', args: {} } }, { payload: { name: 'b', args: {} } }];

  it('goes to the batch handler in one call', async () => {
    const seen: string[][] = [];
    const batch: Plugin<never>['batch'] = {
      tool_pre_invoke: (all) => void seen.push(all.map((i) => i.payload.name)),
    };
    const t = await start({ batch });
    await t.invokeBatch('tool_pre_invoke', items);
    await t.invoke('tool_pre_invoke', call);
    expect(seen).toEqual([['a', 'b'], ['echo']]);
  });

  it('runs the single handler per item without one, and one failure spares the others', async () => {
    const seen: string[] = [];
    const t = await start({
      hooks: {
        tool_pre_invoke(item) {
          seen.push(item.name);
          if (item.name === 'a') throw new Error('a is bad');
        },
      },
    });
    await expect(t.invokeBatch('tool_pre_invoke', items)).rejects.toThrow(code('PLUGIN_ERROR', /a is bad/));
    expect(seen).toEqual(['a', 'b']);
  });
});

describe('setup', () => {
  it('gets the configuration with its defaults', async () => {
    const config_schema = {
      type: 'object',
      properties: { limit: { type: 'integer', default: 3 }, name: {} },
    };
    const seen = vi.fn();
    const plugin = definePlugin((context) => {
      seen(context.config, context.name);
      return {};
    });
    await testPlugin(plugin, { manifest: { ...base, hooks: [], config_schema }, config: { name: 'x' } });
    expect(seen).toHaveBeenCalledWith({ limit: 3, name: 'x' }, 'test');
  });

  it('does not run when the configuration is not valid', async () => {
    const config_schema = { type: 'object', properties: { limit: { type: 'integer' } } };
    const setup = vi.fn(() => ({}));
    const manifest = { ...base, hooks: [], config_schema };
    const started = testPlugin(definePlugin(setup), { manifest, config: { limit: 'many' } });
    await expect(started).rejects.toThrow(code('CONFIG_INVALID', /limit/));
    expect(setup).not.toHaveBeenCalled();
  });

  it.each([
    [
      'another hook',
      ['tool_post_invoke'],
      /"tool_post_invoke" declared and not registered.*"tool_pre_invoke" registered and not declared/,
    ],
    ['a hook too many', [], /hook "tool_pre_invoke" registered and not declared: add it/],
    [
      'a hook too few',
      ['tool_pre_invoke', 'tool_post_invoke'],
      /hook "tool_post_invoke" declared and not registered: write a handler/,
    ],
  ])('may not return %s: the error names both sides', async (_name, hooks, message) => {
    const started = start({ hooks: { tool_pre_invoke() {} } }, { hooks });
    await expect(started).rejects.toThrow(code('REGISTRATION_MISMATCH', message));
  });

  it.each([
    ['an unknown key', { hook: {} }, /unknown key 'hook'; expected hooks, batch, objectHooks, .*shutdown/],
    ['nothing', undefined, /expected an object/],
    [
      'a handler that is none',
      { hooks: { tool_pre_invoke: 1 } },
      /hooks.tool_pre_invoke: expected a function/,
    ],
  ])('may not return %s', async (_name, returned, message) => {
    const plugin = definePlugin(() => returned as never);
    const started = testPlugin(plugin, { manifest: { ...base, hooks: [] } });
    await expect(started).rejects.toThrow(code('SETUP_FAILED', message));
  });

  it('that throws or rejects is SETUP_FAILED', async () => {
    const plugin = definePlugin(() => Promise.reject(new Error('no database')));
    const started = testPlugin(plugin, { manifest: { ...base, hooks: [] } });
    await expect(started).rejects.toThrow(code('SETUP_FAILED', /no database/));
  });

  it('refuses a manifest that the host would refuse', async () => {
    const started = testPlugin(
      definePlugin(() => ({})),
      { manifest: { ...base, hooks: [], hoks: [] } },
    );
    await expect(started).rejects.toThrow(code('MANIFEST_INVALID', /hoks/));
  });
});

describe('health and shutdown', () => {
  it('are healthy and done when the plugin says nothing', async () => {
    const t = await start({});
    expect(await t.health()).toEqual({ state: 'healthy' });
    await t.shutdown();
  });

  it('pass on what the plugin says; a thrown error is unhealthy', async () => {
    expect(await (await start({ health: () => degraded('slow') })).health()).toEqual({
      state: 'degraded',
      message: 'slow',
    });
    const broken = await start({ health: () => Promise.reject(new Error('gone')) });
    expect(await broken.health()).toEqual({ state: 'unhealthy', message: 'health() failed: gone' });
  });

  it('finishes calls in flight, refuses new ones, and runs the author’s shutdown once', async () => {
    const order: string[] = [];
    let finish = (): void => {};
    const t = await start({
      hooks: {
        tool_pre_invoke: () =>
          new Promise<void>((resolve) => {
            finish = () => {
              order.push('call');
              resolve();
            };
          }),
      },
      shutdown: () => void order.push('shutdown'),
    });
    const inFlight = t.invoke('tool_pre_invoke', call);
    const stopped = t.shutdown();
    await expect(t.invoke('tool_pre_invoke', call)).rejects.toThrow(code('PLUGIN_UNAVAILABLE'));
    finish();
    await Promise.all([inFlight, stopped, t.shutdown()]);
    expect(order).toEqual(['call', 'shutdown']);
  });
});
