import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonValue } from '@bulkhead/sdk';
import { estimateTokens, usedTokens } from './tokens.js';

describe('estimateTokens', () => {
  it('is a quarter of the bytes of the JSON text, rounded up', () => {
    expect(estimateTokens({})).toBe(1);
    expect(estimateTokens('ab')).toBe(1);
    expect(estimateTokens('abc')).toBe(2);
    expect(estimateTokens('\u00e9\u00e9\u00e9')).toBe(2);
    expect(estimateTokens({ n: JSON.rawJSON('9007199254740993') })).toBe(6);
  });
});

describe('usedTokens', () => {
  it.each<[JsonValue, number]>([
    [{ usage: { input_tokens: 10, output_tokens: 5 } }, 15],
    [{ usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 20 } }, 20],
    [{ usage: { inputTokens: 1, outputTokens: 2 } }, 3],
    [{ usage: { output_tokens: 7 } }, 7],
    [{ _meta: { usage: { totalTokens: 9 } } }, 9],
    [{ content: [], structuredContent: { usage: { total_tokens: 0 } } }, 0],
  ])('reads %j as %i', (value, tokens) => {
    expect(usedTokens(value)).toBe(tokens);
  });

  it.each<[JsonValue]>([
    [{ usage: { total_tokens: -1 } }],
    [{ usage: { total_tokens: 1.5 } }],
    [{ usage: { total_tokens: '12' } }],
    [{ usage: 12 }],
    [{ usage: null }],
    [[{ usage: { total_tokens: 1 } }]],
    ['text'],
    [null],
  ])('finds none in %j', (value) => {
    expect(usedTokens(value)).toBeUndefined();
  });

  it('gives a whole number from 0 or nothing, whatever comes', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (total, input) => {
        const tokens = usedTokens({
          usage: { total_tokens: total as JsonValue, input_tokens: input as JsonValue },
        });
        expect(tokens === undefined || (Number.isSafeInteger(tokens) && tokens >= 0)).toBe(true);
      }),
    );
  });
});
