import { describe, expect, it } from 'vitest';
import { testPlugin, type TestPlugin } from '@bulkhead/sdk/testing';
import type { JsonObject } from '@bulkhead/sdk';
import plugin from './index.js';

const CARD = '4111-1111-1111-1111';

function start(config: JsonObject = {}): Promise<TestPlugin> {
  return testPlugin(plugin, { manifest: new URL('plugin.yaml', import.meta.url), config });
}

describe('pii-filter', () => {
  it('masks a card in the arguments of a tool and keeps every number as it was written', async () => {
    const filter = await start();
    const args = { message: `card ${CARD}`, n: JSON.rawJSON('9007199254740993'), ten: JSON.rawJSON('10.0') };
    const answer = await filter.invoke('tool_pre_invoke', { name: 'echo', args });
    expect(answer.allowed).toBe(true);
    expect(JSON.stringify(answer.payload.args)).toBe(
      '{"message":"card [CARD]","n":9007199254740993,"ten":10.0}',
    );
    expect(answer.metadata).toEqual({ detections: { card: 1 } });
    await filter.shutdown();
  });

  it('changes nothing and says nothing when nothing is found', async () => {
    const filter = await start();
    const answer = await filter.invoke('tool_pre_invoke', { name: 'echo', args: { message: 'hello' } });
    expect(answer).toMatchObject({ allowed: true, changed: [], metadata: {} });
    await filter.shutdown();
  });

  it('masks results of MCP tools, in texts and in structured content', async () => {
    const filter = await start();
    const result = {
      content: [
        { type: 'text', text: `paid with ${CARD} by ada@example.com` },
        { type: 'image', data: 'aGVsbG8=' },
      ],
      structuredContent: { card: 4111111111111111, ok: true },
    };
    const { payload } = await filter.invoke('tool_post_invoke', { name: 'echo', result });
    expect(payload.result).toEqual({
      content: [
        { type: 'text', text: 'paid with [CARD] by [EMAIL]' },
        { type: 'image', data: 'aGVsbG8=' },
      ],
      structuredContent: { card: '[CARD]', ok: true },
    });
    await filter.shutdown();
  });

  it('masks prompts, resources, and agents in both directions', async () => {
    const filter = await start();
    const text = `call +14155552671`;
    const masked = 'call [PHONE]';
    const messages = [{ role: 'user', content: text }];
    const maskedMessages = [{ role: 'user', content: masked }];
    const prompt = await filter.invoke('prompt_pre_fetch', { prompt_id: 'p', args: { text } });
    expect(prompt.payload.args).toEqual({ text: masked });
    const fetched = await filter.invoke('prompt_post_fetch', { prompt_id: 'p', result: { messages } });
    expect(fetched.payload.result).toEqual({ messages: maskedMessages });
    const resource = await filter.invoke('resource_post_fetch', {
      uri: 'x:y',
      content: { contents: [{ text }] },
    });
    expect(resource.payload.content).toEqual({ contents: [{ text: masked }] });
    const asked = await filter.invoke('agent_pre_invoke', {
      agent_id: 'a',
      messages,
      system_prompt: text,
      model: 'm',
    });
    expect(asked.payload).toMatchObject({ messages: maskedMessages, system_prompt: masked, model: 'm' });
    const answered = await filter.invoke('agent_post_invoke', {
      agent_id: 'a',
      messages,
      tool_calls: [{ function: { arguments: `{"card":4111111111111111}` } }],
    });
    expect(answered.payload.messages).toEqual(maskedMessages);
    expect(answered.payload.tool_calls).toEqual([{ function: { arguments: '{"card":"[CARD]"}' } }]);
    await filter.shutdown();
  });

  it('refuses in action block, and names kinds and counts', async () => {
    const filter = await start({ action: 'block' });
    const args = { a: CARD, b: [CARD, 'ada@example.com'] };
    const answer = await filter.invoke('tool_pre_invoke', { name: 'echo', args });
    expect(answer.allowed).toBe(false);
    expect(answer.violation).toMatchObject({
      code: 'PII_DETECTED',
      reason: 'Personal data found: card, email',
      details: { detections: { card: 2, email: 1 } },
    });
    await filter.shutdown();
  });

  it('never writes a value into a violation, the metadata or the log', async () => {
    for (const action of ['redact', 'block']) {
      const filter = await start({ action });
      const args = { a: CARD, ssn: '123-45-6789', [`x ada@example.com`]: '203.0.113.7' };
      const { payload: _payload, ...rest } = await filter.invoke('tool_pre_invoke', { name: 'echo', args });
      expect(JSON.stringify([rest, filter.logs])).not.toMatch(/4111|123-45|ada@|203\.0/);
      await filter.shutdown();
    }
  });

  it('refuses what it cannot mask without breaking it', async () => {
    const filter = await start();
    const deep = `${'['.repeat(1_500)}"${CARD}"${']'.repeat(1_500)}`;
    const args = { deep: JSON.parse(deep) as JsonObject };
    const answer = await filter.invoke('tool_pre_invoke', { name: 'echo', args });
    expect(answer.violation).toMatchObject({ code: 'PII_TOO_DEEP' });
    await filter.shutdown();
  });

  it('takes strategies from its configuration and refuses an unknown key', async () => {
    const filter = await start({ detectors: { card: { strategy: 'partial' }, email: { enabled: false } } });
    const args = { a: CARD, b: 'ada@example.com' };
    const { payload } = await filter.invoke('tool_pre_invoke', { name: 'echo', args });
    expect(payload.args).toEqual({ a: '****-****-****-1111', b: 'ada@example.com' });
    await filter.shutdown();
    await expect(start({ detectors: { passport: {} } })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});
