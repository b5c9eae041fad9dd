import { describe, expect, test } from 'vitest';
import { checkConditions } from './conditions.js';
import { checkFields, parseFieldPointer } from './field-pointer.js';
import { HOOKS, customHookSpec } from './hook-table.js';
import { isReservedKey } from './reserved-keys.js';

describe('checkConditions', () => {
  test.each([
    [
      'tool_pre_invoke',
      { tools: ['a'], server_ids: ['s'], tenant_ids: ['t'], user_patterns: ['*'], content_types: ['x/y'] },
    ],
    ['prompt_post_fetch', { prompts: ['p'] }],
    ['resource_pre_fetch', { resources: ['file://*'] }],
    ['agent_pre_invoke', { agents: ['a'] }],
    ['some_custom_hook', { tenant_ids: ['t'] }],
    ['http_pre_request', {}],
  ])('%s takes %j', (hook, conditions) => {
    expect(checkConditions(hook, [conditions])).toEqual([]);
  });

  test('finds every key that can never apply, by place', () => {
    expect(
      checkConditions('prompt_pre_fetch', [{ prompts: ['p'] }, { tools: ['t'], agents: ['a'] }]),
    ).toEqual([
      expect.objectContaining({ code: 'CONFIG_INVALID', path: '1.tools' }),
      expect.objectContaining({ path: '1.agents' }),
    ]);
    expect(checkConditions('custom', [{ tools: ['t'] }])).toHaveLength(1);
    expect(checkConditions(HOOKS.tool_pre_invoke, [{ prompts: ['p'] }])).toHaveLength(1);
  });

  test.each([
    [{ tool: ['a'] }, /unknown key 'tool'/],
    [{ tools: [] }, /empty list/],
    [{ tools: 'a' }, /list of names or globs/],
    [{ tools: [''] }, /list of names or globs/],
  ])('%j is a fault', (condition, message) => {
    expect(checkConditions('tool_pre_invoke', [condition])).toEqual([
      expect.objectContaining({ message: expect.stringMatching(message) }),
    ]);
  });
});

describe('checkFields', () => {
  test('takes * and JSON pointers', () => {
    expect(checkFields('tool_pre_invoke', ['*'])).toEqual([]);
    expect(checkFields('tool_post_invoke', ['/content/0/text', '/content/*/text', '/a~1b'])).toEqual([]);
    expect(checkFields(customHookSpec({ name: 'c', members: ['a'] }), ['/a/b'])).toEqual([]);
  });

  test.each([
    ['tool_pre_invoke', ['message'], /expected '\*' or a JSON pointer/],
    ['tool_pre_invoke', ['/a~2'], /JSON pointer/],
    ['tool_pre_invoke', [], /empty list/],
    ['http_pre_request', ['/a'], /no JSON field/],
    ['http_auth_resolve_user', ['/a'], /no JSON field/],
    [customHookSpec({ name: 'c', members: ['a'] }), ['/b'], /no member 'b'/],
  ])('%o with %j is a fault', (hook, fields, message) => {
    expect(checkFields(hook, fields)).toEqual([
      expect.objectContaining({ message: expect.stringMatching(message) }),
    ]);
  });

  test('a pointer’s parts are unescaped in the right order', () => {
    expect(parseFieldPointer('/a~01/b~1c/*')).toEqual(['a~1', 'b/c', '*']);
    expect(parseFieldPointer('/')).toEqual(['']);
    expect(parseFieldPointer('')).toBeUndefined();
  });

  test('the main JSON field of each hook is the one that the design names', () => {
    expect(Object.fromEntries(Object.values(HOOKS).map(({ name, mainField }) => [name, mainField]))).toEqual({
      tool_pre_invoke: 'args',
      tool_post_invoke: 'result',
      prompt_pre_fetch: 'args',
      prompt_post_fetch: 'result',
      resource_pre_fetch: 'metadata',
      resource_post_fetch: 'content',
      agent_pre_invoke: 'messages',
      agent_post_invoke: 'messages',
      http_pre_request: undefined,
      http_post_request: undefined,
      http_auth_resolve_user: undefined,
      http_auth_check_permission: undefined,
    });
  });
});

test.each([
  ['bulkhead', true],
  ['bulkhead.x', true],
  ['plugin:a', true],
  ['__proto__', true],
  ['constructor', true],
  ['', true],
  ['bulkheads', false],
  ['plugin', false],
  ['score', false],
])('whether the key %j is reserved: %s', (name, reserved) => {
  expect(isReservedKey(name)).toBe(reserved);
});
