import { describe, expect, it } from 'vitest';
import { systemClock } from './clock.js';
import { PluginLogger, type LogRecord, type LogTarget } from './plugin-log.js';

function createLogger(threshold: LogTarget['threshold'] = 'trace') {
  const records: LogRecord[] = [];
  const target = {
    sink: (record: LogRecord) => void records.push(record),
    clock: { ...systemClock, now: () => 5 },
    threshold,
  };
  return { records, log: new PluginLogger(target, 'r1') };
}

describe('a plugin’s logger', () => {
  it('writes the level, the message, the fields and the request', () => {
    const { records, log } = createLogger();
    log.warn('odd', { tool: 'echo' });
    expect(records).toEqual([
      { level: 'warn', message: 'odd', fieldsJson: '{"tool":"echo"}', requestId: 'r1', timeMs: 5 },
    ]);
  });

  it('drops what is below the level', () => {
    const { records, log } = createLogger('warn');
    log.info('a');
    log.error('b');
    expect(records.map(({ message }) => message)).toEqual(['b']);
  });

  it('adds a child’s fields to each line', () => {
    const { records, log } = createLogger();
    log.child({ a: 1 }).child({ b: 2 }).info('x', { c: 3 });
    expect(records[0]?.fieldsJson).toBe('{"a":1,"b":2,"c":3}');
  });

  it('writes an error with its stack and cause', () => {
    const { records, log } = createLogger();
    log.error('failed', { error: new Error('outer', { cause: new TypeError('inner') }) });
    expect(JSON.parse(records[0]?.fieldsJson ?? '')).toMatchObject({
      error: {
        name: 'Error',
        message: 'outer',
        stack: expect.any(String) as string,
        cause: { name: 'TypeError', message: 'inner' },
      },
    });
  });

  it('never throws: a circle, a bigint and a huge value are lines too', () => {
    const { records, log } = createLogger();
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    log.info('circle', circle);
    log.info('bigint', { n: 1n });
    log.info('x'.repeat(100_000), { big: 'y'.repeat(100_000) });
    expect(records[0]?.fieldsJson).toContain('not JSON');
    expect(records[1]?.fieldsJson).toBe('{"n":"1"}');
    expect(records[2]?.message).toMatch(/… \(100000 characters\)$/);
    expect(records[2]?.fieldsJson).toContain('left out');
  });
});
