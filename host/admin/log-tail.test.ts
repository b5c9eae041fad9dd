import { describe, expect, test } from 'vitest';
import { createLogTail } from './log-tail.js';

const line = (plugin: string, msg: string): string => `${JSON.stringify({ level: 'info', plugin, msg })}\n`;

describe('the log tail', () => {
  test('keeps the last lines of each plugin, oldest first', () => {
    const tail = createLogTail();
    for (let index = 0; index < 1_500; index += 1) tail.write(line('pii', `line ${index}`));
    tail.write(line('other', 'elsewhere'));
    expect(tail.last('pii', 2)).toEqual([line('pii', 'line 1498').trim(), line('pii', 'line 1499').trim()]);
    expect(tail.last('pii', 5_000)).toHaveLength(1_000);
    expect(tail.last('pii', 5_000)[0]).toContain('line 500');
    expect(tail.last('other', 10)).toEqual([line('other', 'elsewhere').trim()]);
  });

  test('has nothing of a plugin that never logged, nor of lines without a plugin', () => {
    const tail = createLogTail();
    tail.write('{"level":"info","msg":"started"}\n');
    expect(tail.last('pii', 10)).toEqual([]);
    expect(tail.last('started', 10)).toEqual([]);
  });

  test('tells a follower the lines of its plugin until it stops', () => {
    const tail = createLogTail();
    const seen: string[] = [];
    const stop = tail.follow('pii', (text) => seen.push(text));
    tail.write(line('pii', 'one'));
    tail.write(line('other', 'two'));
    stop?.();
    tail.write(line('pii', 'three'));
    expect(seen).toEqual([line('pii', 'one').trim()]);
  });

  test('takes a bounded number of followers', () => {
    const tail = createLogTail();
    const stops = Array.from({ length: 32 }, () => tail.follow('pii', () => undefined));
    expect(stops.every((stop) => stop !== undefined)).toBe(true);
    expect(tail.follow('pii', () => undefined)).toBeUndefined();
    stops[0]?.();
    expect(tail.follow('pii', () => undefined)).toBeDefined();
  });
});
