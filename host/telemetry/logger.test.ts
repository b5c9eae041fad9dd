import { describe, expect, test } from 'vitest';
import { createLogger, type LoggerOptions, type RootLogger } from './logger.js';

function capture(options: LoggerOptions = {}): {
  log: RootLogger;
  lines: string[];
  records: () => Record<string, unknown>[];
} {
  const lines: string[] = [];
  const log = createLogger({ ...options, destination: { write: (line) => lines.push(line) } });
  return { log, lines, records: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

describe('the log', () => {
  test('writes one JSON line a record, with level, time and the fields of the child', () => {
    const { log, lines, records } = capture();
    log.child({ plugin: 'pii_filter' }).warn({ attempt: 2 }, 'restarted');
    expect(lines[0]?.endsWith('\n')).toBe(true);
    expect(records()).toEqual([
      {
        level: 'warn',
        time: expect.stringMatching(/^\d{4}-.*Z$/),
        plugin: 'pii_filter',
        attempt: 2,
        msg: 'restarted',
      },
    ]);
  });

  test('redacts what is logged and what a child carries', () => {
    const { log, lines } = capture();
    log.child({ session: { cookie: 'hunter2' } }).info({ headers: { Authorization: 'hunter2' } }, 'request');
    log.error(Object.assign(new Error('failed'), { token: 'hunter2' }));
    log.error({ err: Object.assign(new Error('failed'), { password: 'hunter2' }) }, 'twice');
    expect(lines).toHaveLength(3);
    expect(lines.join('')).not.toContain('hunter2');
    expect(lines.join('')).toContain('"message":"failed"');
  });

  test('a plugin has a level of its own, changed while loggers exist', () => {
    const { log, records } = capture();
    const noisy = log.child({ plugin: 'noisy' });
    const request = noisy.child({ request: 'r1' });
    const other = log.child({ plugin: 'other' });
    log.setPluginLevel('noisy', 'debug');
    for (const logger of [noisy, request, other]) logger.debug('detail');
    log.setPluginLevel('noisy', undefined);
    for (const logger of [noisy, request, other]) logger.debug('detail');
    log.setLevel('debug');
    other.debug('detail');
    expect(records().map((record) => [record['plugin'], record['request']])).toEqual([
      ['noisy', undefined],
      ['noisy', 'r1'],
      ['other', undefined],
    ]);
  });

  test('a child made with a level keeps it until the plugin’s is set', () => {
    const { log, records } = capture();
    const verbose = log.child({ plugin: 'verbose' }, { level: 'trace' });
    verbose.trace('one');
    verbose.child({ request: 'r1' }).trace('two');
    log.setPluginLevel('verbose', 'error');
    verbose.warn('three');
    expect(records().map(({ msg }) => msg)).toEqual(['one', 'two']);
  });

  test('pretty lines are for people', () => {
    const { log, lines } = capture({ pretty: true });
    log.child({ plugin: 'echo' }).info({ port: 7410, why: 'it is asked' }, 'listening');
    expect(lines[0]).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} INFO  echo: listening {2}port=7410 {2}why="it is asked"\n$/,
    );
    log.error({ err: new Error('broken') }, 'failed');
    expect(lines[1]).toMatch(/failed {2}err="broken"\n +at /);
  });

  test('no message, field or stack can feign a line or move the cursor in pretty lines', () => {
    const { log, lines } = capture({ pretty: true });
    const evil = 'a\n12:00:00.000 ERROR host: all is lost\r\u001b[2J\u009b2J\u202e';
    const error = new Error(evil);
    error.stack = `Error: ${evil}\n    at ${evil}`;
    log.info({ fields: { [evil]: evil }, [evil]: evil, err: error }, evil);
    const text = lines.join('');
    expect(text).not.toMatch(/[^\P{Cc}\n]|\u202e/u);
    expect(
      text
        .trimEnd()
        .split('\n')
        .slice(1)
        .every((line) => line.startsWith('    ')),
    ).toBe(true);
  });

  test('flush resolves for a destination that cannot flush', async () => {
    const { log } = capture();
    await expect(log.flushed()).resolves.toBeUndefined();
  });
});
