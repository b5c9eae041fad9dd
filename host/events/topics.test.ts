import { describe, expect, test } from 'vitest';
import { assertPattern, assertTopic, patternsOf } from './topics.js';

describe('topics', () => {
  test.each(['plugin_tool.invoked', 'system.llm.created', 'a', 'com.example.my-plugin.Orders_1'])(
    '%s is one',
    (topic) => {
      assertTopic(topic);
      assertPattern(topic);
    },
  );

  test.each(['', '.', 'a..b', 'a.', 'a b', 'a.*', 'é', 'a.b.c.d.e.f.g.h.i.j.k', 'x'.repeat(256)])(
    '%j is none',
    (topic) => {
      expect(() => {
        assertTopic(topic);
      }).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT', field: 'topic' }));
    },
  );
});

describe('patterns', () => {
  test.each(['*', '**', 'system.*.created', 'com.example.**', '*.*.**'])('%s is one', (pattern) => {
    assertPattern(pattern);
  });

  test.each(['', '**.a', 'a.**.b', 'a*', '***', 'a.b*'])('%j is none', (pattern) => {
    expect(() => {
      assertPattern(pattern);
    }).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT', field: 'pattern' }));
  });

  test.each([
    ['system.llm.created', true],
    ['system.*.created', true],
    ['system.llm.*', true],
    ['*.*.*', true],
    ['system.**', true],
    ['**', true],
    ['system.llm.**', true],
    ['system.*', false],
    ['*', false],
    ['system.llm', false],
    ['system.llm.created.**', false],
    ['system.llm.created.*', false],
    ['System.llm.created', false],
  ])('%s fits system.llm.created: %j', (pattern, does) => {
    expect(patternsOf('system.llm.created').includes(pattern)).toBe(does);
  });

  test('none is named twice', () => {
    const patterns = patternsOf('a.b.c.d.e.f.g.h.i.j');
    expect(new Set(patterns).size).toBe(patterns.length);
    expect(patterns).toHaveLength(2 ** 10 + 2 ** 10 - 1);
  });
});
