import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../clock.js';
import { createConfigChecks, type ConfigChecks } from './check-plugin-config.js';

let checks: ConfigChecks;
beforeEach(() => {
  checks = createConfigChecks(systemClock);
});
afterEach(() => checks.close());

const prefix = ['plugins', 'p', 'config'];
/** Answered at once, and in a thread. */
const QUICK = { type: 'string', default: 'x' };
const SLOW = { type: 'string', default: 'x', pattern: '^(x+)+$' };

describe.each([
  ['at once', QUICK],
  ['in a thread', SLOW],
])('the configuration of a plugin, checked %s', (_, a) => {
  const schema = {
    type: 'object',
    properties: { a, b: { type: 'object', properties: { c: { default: 1 } } } },
  };

  test('gets the defaults of the schema', async () => {
    expect(await checks.defaults(schema)).toEqual({ a: 'x' });
    const config = { b: {} };
    expect(await checks.check(schema, config, { prefix })).toEqual({
      ok: true,
      config: { a: 'x', b: { c: 1 } },
    });
    expect(config).toEqual({ b: {} });
  });

  test('goes without a default that somebody removed', async () => {
    expect(await checks.check(schema, {}, { prefix, removed: [['a']] })).toEqual({ ok: true, config: {} });
  });

  test('says where something is wrong, without what must not be shown', async () => {
    const checked = await checks.check(schema, { a: 7, d: 1 }, { prefix, describeValue: () => 'hidden' });
    expect(
      checked.ok ? [] : checked.problems.map(({ path, message }) => `${path ?? ''}: ${message}`),
    ).toEqual([
      expect.stringContaining("plugins.p.config.d: unknown key 'd'"),
      'plugins.p.config.a: expected text, got hidden.',
    ]);
  });
});

test('a configuration whose check has no end is refused, and the host goes on meanwhile', async () => {
  const schema = { type: 'object', properties: { a: SLOW } };
  let beats = 0;
  const timer = setInterval(() => (beats += 1), 10);
  const checked = await checks.check(schema, { a: `${'x'.repeat(40)}!` }, { prefix });
  clearInterval(timer);
  expect(checked.ok ? [] : checked.problems).toMatchObject([
    { code: 'MANIFEST_INVALID', path: 'plugins.p.config', message: expect.stringContaining('longer than') },
  ]);
  expect(beats).toBeGreaterThan(3);
});

test('a schema that cannot be used is said to be so', async () => {
  for (const schema of [
    { properties: { a: { type: 'nothing' } } },
    { properties: { a: { pattern: '(' } } },
  ]) {
    expect(await checks.defaults(schema)).toEqual({});
    expect(await checks.check(schema, {}, { prefix })).toMatchObject({
      ok: false,
      problems: [{ code: 'MANIFEST_INVALID', message: expect.stringContaining('cannot be used') }],
    });
  }
});
