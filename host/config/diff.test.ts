import { readPermissions } from '@bulkhead/proto/rules/schema';
import { describe, expect, it } from 'vitest';
import { plugin, resolve } from './config.test-support.js';
import { diffConfig } from './diff.js';

const plugins = ['one', 'two', 'three'].map((name) =>
  plugin({
    name,
    config_schema: { properties: { a: { type: 'integer' } } },
    permissions: { context: ['read_user'] },
  }),
);
const asked = readPermissions({ context: ['read_user'] });
const stored = async () => ({ grants: { get: async () => ({ asked, granted: asked }) }, layer: new Map() });
const configOf = async (object: unknown) => (await resolve(object, { plugins, stored })).config;
const diff = async (old: unknown, next: unknown) => diffConfig(await configOf(old), await configOf(next));

const NOTHING = { added: [], removed: [], changed: [] };
const SAME = {
  plugins: { ...NOTHING, retuned: [] },
  upstreams: NOTHING,
  apps: NOTHING,
  reordered: false,
  customHooks: false,
  applied: [],
  restart: [],
};

describe('diffConfig', () => {
  it('finds nothing between a configuration and itself', async () => {
    const object = { plugins: { one: { config: { a: 1 } } }, mcp_servers: { x: { command: 'x' } } };
    expect(await diff(object, structuredClone(object))).toEqual(SAME);
  });

  it('names what came, what went and what needs a new process', async () => {
    const old = { plugins: { one: {}, two: { config: { a: 1 } } } };
    const next = { plugins: { two: { config: { a: 2 } }, three: {} } };
    expect((await diff(old, next)).plugins).toEqual({
      added: ['three'],
      removed: ['one'],
      changed: ['two'],
      retuned: [],
    });
  });

  it.each<[string, unknown]>([
    ['mode', { mode: 'audit' }],
    ['priority', { priority: 1 }],
    ['on_error', { on_error: 'ignore' }],
    ['conditions', { conditions: [{ tools: ['x'] }] }],
    ['timeout', { timeout_ms: 7 }],
    ['hooks', { hooks: ['tool_pre_invoke'] }],
    ['context grant', { grants: { context: [] } }],
  ])('keeps the process when only the %s changed', async (_name, entry) => {
    expect((await diff({ plugins: { one: {} } }, { plugins: { one: entry } })).plugins).toEqual({
      ...NOTHING,
      retuned: ['one'],
    });
  });

  it.each<[string, unknown]>([
    ['configuration', { config: { a: 2 } }],
    ['environment', { env: { A: '1' } }],
    ['limits', { max_in_flight: 2 }],
    ['log level', { log_level: 'debug' }],
  ])('needs a new process when the %s changed', async (_name, entry) => {
    expect((await diff({ plugins: { one: {} } }, { plugins: { one: entry } })).plugins).toEqual({
      ...NOTHING,
      changed: ['one'],
      retuned: [],
    });
  });

  it('counts an entry that is not enabled as absent', async () => {
    expect(
      (await diff({ plugins: { one: {} } }, { plugins: { one: { enabled: false } } })).plugins,
    ).toMatchObject({ removed: ['one'] });
    expect(
      (await diff({ plugins: { one: { mode: 'disabled' } } }, { plugins: { one: {} } })).plugins,
    ).toMatchObject({ added: ['one'] });
  });

  it('sees a new order', async () => {
    expect((await diff({ plugins: { one: {}, two: {} } }, { plugins: { two: {}, one: {} } })).reordered).toBe(
      true,
    );
    expect(
      (await diff({ plugins: { one: {}, two: {} } }, { plugins: { one: {}, three: {}, two: {} } })).reordered,
    ).toBe(false);
  });

  it('compares upstreams and apps by name', async () => {
    const server = (command: string) => ({ command });
    const old = {
      mcp_servers: { a: server('x'), b: server('x') },
      apps: { web: { keys: [`sha256:${'a'.repeat(64)}`] } },
    };
    const next = {
      mcp_servers: { b: server('y'), c: server('x') },
      apps: { web: { keys: [`sha256:${'b'.repeat(64)}`] } },
    };
    expect(await diff(old, next)).toMatchObject({
      upstreams: { added: ['c'], removed: ['a'], changed: ['b'] },
      apps: { changed: ['web'] },
    });
  });

  it('tells sections that take effect at once from those that need a restart', async () => {
    expect(
      await diff({}, { limits: { call_timeout_ms: 1 }, listen: { data: { address: '127.0.0.1:1' } } }),
    ).toMatchObject({ applied: ['limits'], restart: ['listen'] });
  });
});
