import { expect, test } from 'vitest';
import { HOOKS, HOOK_NAME, customHookSpec, isBuiltInHook } from './hook-table.js';

test('each hook lets a plugin change what the design says, and nothing else', () => {
  const writable = Object.fromEntries(
    Object.values(HOOKS).map(({ name, fields }) => [
      name,
      Object.keys(fields).filter((field) => fields[field]?.writable),
    ]),
  );
  expect(writable).toEqual({
    tool_pre_invoke: ['name', 'args', 'headers'],
    tool_post_invoke: ['result'],
    prompt_pre_fetch: ['args'],
    prompt_post_fetch: ['result'],
    resource_pre_fetch: ['uri', 'metadata'],
    resource_post_fetch: ['content'],
    agent_pre_invoke: ['messages', 'tools', 'model', 'system_prompt', 'parameters', 'headers'],
    agent_post_invoke: ['messages', 'tool_calls'],
    http_pre_request: ['headers'],
    http_post_request: ['response_headers'],
    http_auth_resolve_user: ['user'],
    http_auth_check_permission: ['granted', 'reason'],
  });
});

test('each hook stands under its own name, which is a hook’s name', () => {
  for (const [name, spec] of Object.entries(HOOKS)) {
    expect(spec.name).toBe(name);
    expect(name).toMatch(HOOK_NAME);
    expect(isBuiltInHook(name)).toBe(true);
  }
  expect(isBuiltInHook('toString')).toBe(false);
});

test('a custom hook’s members are writable unless it says otherwise', () => {
  const { fields } = customHookSpec({ name: 'c', members: ['a', 'b'] });
  expect([fields['a']?.writable, fields['b']?.writable]).toEqual([true, true]);
  const { fields: some } = customHookSpec({ name: 'c', members: ['a', 'b'], writable: ['b'] });
  expect([some['a']?.writable, some['b']?.writable]).toEqual([false, true]);
});
