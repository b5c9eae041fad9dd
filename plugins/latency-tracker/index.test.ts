import { describe, expect, it } from 'vitest';
import { testPlugin, type TestPlugin } from '@bulkhead/sdk/testing';
import type { JsonObject } from '@bulkhead/sdk';
import plugin from './index.js';

function start(config: JsonObject = {}): Promise<TestPlugin> {
  return testPlugin(plugin, { manifest: new URL('plugin.yaml', import.meta.url), config });
}

describe('latency-tracker', () => {
  it('measures from the pre hook to the post hook of one request', async () => {
    const tracker = await start();
    const context = { requestId: 'r', serverId: 'files' };
    await tracker.invoke('tool_pre_invoke', { name: 'read', args: {} }, context);
    const { metadata } = await tracker.invoke('tool_post_invoke', { name: 'read', result: {} }, context);
    expect(metadata['latency_ms']).toBeGreaterThanOrEqual(0);
    await tracker.shutdown();
    expect(tracker.logs.at(-1)).toMatchObject({
      message: 'latency',
      fields: { names: [{ name: 'tool files/read', calls: 1 }], not_shown: 0 },
    });
  });

  it('measures prompts and resources', async () => {
    const tracker = await start();
    await tracker.invoke('prompt_pre_fetch', { prompt_id: 'p' }, { requestId: 'a' });
    await tracker.invoke('resource_pre_fetch', { uri: 'u:1' }, { requestId: 'b' });
    const prompt = await tracker.invoke(
      'prompt_post_fetch',
      { prompt_id: 'p', result: {} },
      { requestId: 'a' },
    );
    const resource = await tracker.invoke(
      'resource_post_fetch',
      { uri: 'u:1', content: '' },
      { requestId: 'b' },
    );
    expect(Object.keys({ ...prompt.metadata, ...resource.metadata })).toEqual(['latency_ms']);
    await tracker.shutdown();
  });

  it('says nothing of an answer whose request it never saw', async () => {
    const tracker = await start();
    const { metadata } = await tracker.invoke('tool_post_invoke', { name: 'read', result: {} });
    expect(metadata).toEqual({});
    await tracker.shutdown();
    expect(tracker.logs.filter(({ message }) => message === 'latency')).toEqual([]);
  });

  it('is healthy while nothing is slow', async () => {
    const tracker = await start();
    expect(await tracker.health()).toEqual({ state: 'healthy' });
    await tracker.shutdown();
  });
});
