import { describe, expect, test } from 'vitest';
import { JsonText } from '../json/index.js';
import { HOOKS, customHookSpec } from './hook-table.js';
import { checkPayload, describe as describeValue, isPlainObject, parsePayload } from './payload.js';

const spec = HOOKS.tool_pre_invoke;

describe('a caller’s payload', () => {
  test('gets its defaults and its JSON as text', () => {
    expect(parsePayload(spec, { name: 'echo' })).toEqual({
      name: 'echo',
      args: new JsonText('{}'),
      headers: {},
    });
    expect(parsePayload(spec, { name: 'echo', args: { n: 1 }, headers: { a: 'b' } })).toEqual({
      name: 'echo',
      args: new JsonText('{"n":1}'),
      headers: { a: 'b' },
    });
  });

  test('keeps JSON text as it is', () => {
    const args = new JsonText('{ "n": 10.0 }');
    expect(parsePayload(spec, { name: 'echo', args })['args']).toBe(args);
  });

  test('may leave optional fields out', () => {
    expect(
      parsePayload(HOOKS.http_auth_check_permission, { user: { id: 'u' }, permission: 'p', resource: 'r' }),
    ).toEqual({
      user: new JsonText('{"id":"u"}'),
      permission: 'p',
      resource: 'r',
      reason: '',
    });
  });

  test.each([
    [undefined, /expected an object, got undefined undefined/],
    [[], /expected an object, got a list/],
    [{}, /field 'name': expected a string, got nothing/],
    [{ name: 1 }, /field 'name': expected a string, got number 1/],
    [{ name: 'a', headers: { a: 1 } }, /field 'headers': expected an object of strings, got an object/],
    [{ name: 'a', nme: 'b' }, /field 'nme': no such field; it has name, args, headers/],
    [{ name: 'a', args: Symbol.iterator }, /field 'args': expected a JSON value/],
    [JSON.parse('{"name":"a","constructor":1}'), /field 'constructor': no such field/],
  ])('%j is refused with a message that says what was expected and what came', (value, message) => {
    for (const check of [parsePayload, checkPayload]) {
      expect(() => check(spec, value)).toThrow(message);
      expect(() => check(spec, value)).toThrow(expect.objectContaining({ code: 'INVALID_PAYLOAD' }));
    }
  });

  test.each([
    ['client_port', -1],
    ['client_port', 1.5],
    ['client_port', 2 ** 32],
    ['path', null],
  ])('http_pre_request with %s %s is refused', (field, value) => {
    const payload = { path: '/', method: 'GET', client_host: 'h', client_port: 1, [field]: value };
    expect(() => parsePayload(HOOKS.http_pre_request, payload)).toThrow(expect.objectContaining({ field }));
  });

  test('checking alone converts nothing', () => {
    const payload = { name: 'echo', args: { toJSON: () => expect.unreachable() } };
    expect(checkPayload(spec, payload)).toBe(payload);
  });
});

test('a custom hook’s members may all be absent', () => {
  expect(parsePayload(customHookSpec({ name: 'c', members: ['a', 'b'] }), { a: null })).toEqual({
    a: new JsonText('null'),
  });
});

test('describe says in a few words what came', () => {
  expect([null, [], {}, 'x'.repeat(50), 3, true].map(describeValue)).toEqual([
    'null',
    'a list',
    'an object',
    `"${'x'.repeat(40)}…"`,
    'number 3',
    'boolean true',
  ]);
  expect([null, [], {}].map(isPlainObject)).toEqual([false, false, true]);
});
