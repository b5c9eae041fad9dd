import { describe, expect, it } from 'vitest';
import { testPlugin, type TestPlugin } from '@bulkhead/sdk/testing';
import type { JsonObject } from '@bulkhead/sdk';
import plugin from './index.js';

function start(config: JsonObject): Promise<TestPlugin> {
  return testPlugin(plugin, { manifest: new URL('plugin.yaml', import.meta.url), config });
}

async function allows(list: TestPlugin, name: string, serverId?: string): Promise<boolean> {
  const context = serverId === undefined ? {} : { serverId };
  return (await list.invoke('tool_pre_invoke', { name, args: {} }, context)).allowed;
}

describe('tool-allowlist', () => {
  it('lets listed tools through and refuses others with TOOL_NOT_ALLOWED', async () => {
    const list = await start({ allowed_tools: ['web_search', 'calculator', 'file_read'] });
    expect(await allows(list, 'calculator')).toBe(true);
    const refused = await list.invoke('tool_pre_invoke', { name: 'rm', args: {} });
    expect(refused.violation).toMatchObject({
      code: 'TOOL_NOT_ALLOWED',
      reason: "Tool 'rm' is not allowed: it is not in the allow list",
      details: { tool: 'rm' },
    });
    await list.shutdown();
  });

  it('lets a denial win over everything', async () => {
    const list = await start({ allowed_tools: ['*'], denied_tools: ['rm*', 'files/*'] });
    expect(await allows(list, 'echo', 'files')).toBe(false);
    expect(await allows(list, 'echo', 'mail')).toBe(true);
    expect(await allows(list, 'rm\n', 'mail')).toBe(false);
    expect(await allows(list, './rm', 'mail')).toBe(true);
    await list.shutdown();
  });

  it('restricts nothing with an empty allow list, and warns when both lists are empty', async () => {
    const denying = await start({ denied_tools: ['rm'] });
    expect(await allows(denying, 'anything')).toBe(true);
    expect(await allows(denying, 'rm')).toBe(false);
    expect(denying.logs).toEqual([]);
    await denying.shutdown();
    const open = await start({});
    expect(await allows(open, 'anything')).toBe(true);
    expect(open.logs).toMatchObject([{ level: 'warn' }]);
    await open.shutdown();
  });

  it('tells servers apart', async () => {
    const list = await start({ allowed_tools: ['files/read_*', 'echo'] });
    expect(await allows(list, 'read_all', 'files')).toBe(true);
    expect(await allows(list, 'read_all', 'mail')).toBe(false);
    expect(await allows(list, 'read_all')).toBe(false);
    expect(await allows(list, 'echo', 'mail')).toBe(true);
    await list.shutdown();
  });

  it('refuses a name without end, whatever the lists say, and does not repeat it whole', async () => {
    const list = await start({ allowed_tools: ['*'] });
    const { violation } = await list.invoke('tool_pre_invoke', { name: 'x'.repeat(100_000), args: {} });
    expect(violation?.code).toBe('TOOL_NOT_ALLOWED');
    expect(JSON.stringify(violation).length).toBeLessThan(2_000);
    await list.shutdown();
  });
});
