import { describe, expect, test } from 'vitest';
import type { EndedCall } from '../../tools/tool-report.js';
import type { Tool } from '../../tools/tool.js';
import { createToolUses } from './uses.js';

const tool = (name: string, kind: Tool['kind'] = 'mcp'): Tool => ({
  server: 'files',
  name,
  kind,
  effect: 'unknown',
  assertReady: () => {},
  run: () => Promise.reject(new Error('not here')),
  sibling: () => undefined,
});
const ended = (of: Tool, outcome: EndedCall['outcome']): EndedCall => ({
  call: {
    tool: of,
    caller: { actor: { kind: 'app', id: 'shop' } },
    params: {},
    context: {},
    visibleHeaders: {},
    signal: new AbortController().signal,
  },
  tool: of,
  policy: { tool: 'files/read', policy: 'allow', listed: false, rules: '' },
  durationMs: 1,
  outcome,
});

describe('the name under which a call of a tool counts', () => {
  test('of an upstream is the caller’s own invention until the upstream answered it', () => {
    const useOf = createToolUses();
    expect(useOf(ended(tool('made-up'), 'error')).name).toBe('files/*');
    expect(useOf(ended(tool('made-up'), 'tool_error')).name).toBe('files/*');
    expect(useOf(ended(tool('read'), 'ok')).name).toBe('files/read');
    expect(useOf(ended(tool('read'), 'error')).name).toBe('files/read');
  });

  test('of a plugin is its own from the start', () => {
    const useOf = createToolUses();
    expect(useOf(ended(tool('save', 'plugin'), 'denied')).name).toBe('files/save');
  });

  test('has no control characters, and an end', () => {
    const useOf = createToolUses();
    const { name } = useOf(ended(tool(`a\0b${'x'.repeat(3_000_000)}`), 'ok'));
    expect(name).toMatch(/^files\/a bx+$/);
    expect(name).toHaveLength(200);
  });
});
