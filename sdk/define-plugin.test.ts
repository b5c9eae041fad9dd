import type { JsonValue } from '@bulkhead/proto/json';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { isPluginDefinition } from './define-plugin.js';
import {
  definePlugin,
  degraded,
  deny,
  modify,
  type HookAnswer,
  type HookContext,
  type HookName,
  type Plugin,
} from './index.js';

describe('definePlugin', () => {
  it('makes what a runner with another copy of the SDK recognizes', () => {
    const definition = definePlugin(() => ({}));
    expect(isPluginDefinition(definition)).toBe(true);
    expect(isPluginDefinition({ [Symbol.for('bulkhead.plugin')]: 1, setup: () => ({}) })).toBe(true);
  });

  it('is not mistaken for a plain object or a future version', () => {
    expect(isPluginDefinition({ setup: () => ({}) })).toBe(false);
    expect(isPluginDefinition({ [Symbol.for('bulkhead.plugin')]: 2, setup: () => ({}) })).toBe(false);
    expect(isPluginDefinition(undefined)).toBe(false);
  });

  it('runs nothing until somebody sets it up', () => {
    let ran = false;
    definePlugin(() => {
      ran = true;
      return {};
    });
    expect(ran).toBe(false);
  });
});

describe('the types of handlers', () => {
  it('give each hook its payload', () => {
    definePlugin(() => ({
      hooks: {
        tool_pre_invoke(call, ctx) {
          expectTypeOf(call.name).toEqualTypeOf<string>();
          expectTypeOf(call.args).toEqualTypeOf<JsonValue>();
          expectTypeOf(ctx.requestId).toEqualTypeOf<string>();
        },
        http_post_request: (request) => {
          expectTypeOf(request.status_code).toEqualTypeOf<number>();
          // @ts-expect-error a response carries no arguments
          expectTypeOf(request.args);
        },
        agent_pre_invoke: async (agent) => {
          expectTypeOf(agent.tools).toEqualTypeOf<readonly string[]>();
          return modify({ tools: [], system_prompt: '' });
        },
      },
    }));
  });

  it('know every built-in hook and no other', () => {
    expectTypeOf<keyof NonNullable<Plugin['hooks']>>().toEqualTypeOf<HookName>();
    definePlugin(() => ({
      hooks: {
        // @ts-expect-error misspelt
        tool_pre_invok() {},
      },
    }));
  });

  it('take only answers that name fields which the hook lets change, with their types', () => {
    const result: HookAnswer<'tool_post_invoke'> = modify({ result: { ok: true } });
    expect(result).toMatchObject({ kind: 'modify' });
    // @ts-expect-error the name is not for a plugin to change after the call
    const name: HookAnswer<'tool_post_invoke'> = modify({ name: 'x' });
    // @ts-expect-error neither together with a field that is
    const both: HookAnswer<'tool_post_invoke'> = modify({ result: 1, nam: 'x' });
    // @ts-expect-error headers are text
    const headers: HookAnswer<'tool_pre_invoke'> = modify({ headers: { a: 1 } });
    // @ts-expect-error a denial has a reason
    deny({ code: 'X' });
    expectTypeOf(deny({ code: 'X', reason: 'y' })).toExtend<HookAnswer<'http_pre_request'>>();
    expect([name, both, headers]).toHaveLength(3);
  });

  it('carry the configuration to setup and to every handler', () => {
    interface Config {
      readonly limit: number;
    }
    definePlugin<Config>(({ config }) => {
      expectTypeOf(config).toEqualTypeOf<Config>();
      return {
        hooks: {
          tool_pre_invoke(_call, ctx) {
            expectTypeOf(ctx).toEqualTypeOf<HookContext<Config>>();
          },
        },
        health: () => degraded('why'),
      };
    });
  });
});
