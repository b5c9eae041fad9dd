import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseLogLine, printable } from './log-line.js';

test.for([
  [
    '{"level":50,"msg":"pino","time":1,"pid":2,"hostname":"h","n":1}',
    { level: 'error', message: 'pino', fields: { n: 1 } },
  ],
  [
    '{"@level":"debug","@message":"hclog","@timestamp":"t","@module":"m"}',
    { level: 'debug', message: 'hclog', fields: { '@module': 'm' } },
  ],
  ['{"severity":"WARNING","message":"python"}', { level: 'warn', message: 'python' }],
  ['{"msg":"no level"}', { level: 'info', message: 'no level' }],
  ['{"level":{"toString":1},"msg":"odd level"}', { level: 'info', message: 'odd level' }],
  ['{"level":"constructor","msg":"odd name"}', { level: 'info', message: 'odd name' }],
  ['{"@message":1}', { level: 'info', message: '{"@message":1}' }],
  ['{"msg":', { level: 'info', message: '{"msg":' }],
  ['[1]', { level: 'info', message: '[1]' }],
  ['plain\u001b[2J', { level: 'info', message: 'plain\ufffd[2J' }],
])('%j is read as it is meant', ([line, expected]) => {
  expect(parseLogLine(String(line))).toEqual(expected);
});

test('any text and any JSON is a line', () => {
  const anything = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json(),
    fc
      .jsonValue()
      .map((value) => JSON.stringify({ level: value, msg: value, '@message': value, message: value })),
  );
  fc.assert(
    fc.property(anything, (line) => {
      const parsed = parseLogLine(line);
      expect(['trace', 'debug', 'info', 'warn', 'error']).toContain(parsed.level);
      expect(typeof parsed.message).toBe('string');
    }),
  );
});

test('printable keeps every character but control characters', () => {
  expect(printable('tab\t line\n ü 漢 🙂')).toBe('tab\t line\n ü 漢 🙂');
  expect(printable('\0\b\u007f\u009b')).toBe('\ufffd'.repeat(4));
});
