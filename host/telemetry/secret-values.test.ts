import { describe, expect, test } from 'vitest';
import { createLogger } from './logger.js';
import { createSecretValues } from './secret-values.js';

const VALUE = 'p4ss/w?rd "quoted"\n+line';

function withValue(...values: readonly string[]) {
  const known = createSecretValues();
  for (const value of values) known.add(value);
  return known;
}

describe('values of secrets', () => {
  test.each([
    ['plain', VALUE],
    ['in JSON', JSON.stringify({ url: `x${VALUE}y` })],
    ['in JSON within JSON', JSON.stringify({ text: JSON.stringify({ a: VALUE }) })],
    ['in base64', Buffer.from(VALUE).toString('base64')],
    ['in base64url', Buffer.from(VALUE).toString('base64url')],
    ['in a URL', `http://x/?key=${encodeURIComponent(VALUE)}&b=1`],
  ])('are taken out of a text, %s', (_how, text) => {
    const clean = withValue(VALUE).redact(text);
    expect(clean).toContain('[redacted]');
    expect(clean).not.toMatch(/p4ss|quoted|UGFzc|cDRzcy/);
  });

  test('JSON stays JSON', () => {
    const text = JSON.stringify({ a: VALUE, b: 1 });
    expect(JSON.parse(withValue(VALUE).redact(text))).toEqual({ a: '[redacted]', b: 1 });
  });

  test('the longer one goes first, and short ones stay', () => {
    const values = withValue('secret', 'secret-longer', 'abc');
    expect(values.redact('secret-longer secret abc')).toBe('[redacted] [redacted] abc');
  });

  test('what reads like a pattern is taken as it is', () => {
    expect(withValue('a.*+?^${}()|[]\\/-b').redact('a.*+?^${}()|[]\\/-b axxxxxxxxb')).toBe(
      '[redacted] axxxxxxxxb',
    );
  });

  test('nothing is changed while none is known, and one that comes later is known at once', () => {
    const values = createSecretValues();
    expect(values.redact('hunter22')).toBe('hunter22');
    values.add('hunter22');
    expect(values.redact('hunter22')).toBe('[redacted]');
  });

  test('no line of the log has one, in its message, its fields, or what a plugin logs', () => {
    const lines: string[] = [];
    const values = withValue(VALUE);
    const log = createLogger({
      destination: { write: (line) => lines.push(line) },
      redactValues: (line) => values.redact(line),
    });
    log.info({ url: `https://x/${encodeURIComponent(VALUE)}`, err: new Error(VALUE) }, `got ${VALUE}`);
    log.child({ plugin: 'p', header: VALUE }).warn(VALUE);
    expect(lines).toHaveLength(2);
    for (const line of lines) {
      expect(line).not.toMatch(/p4ss/);
      expect(JSON.parse(line)).toMatchObject({ msg: expect.stringContaining('[redacted]') });
    }
  });
});
