import { describe, expect, test } from 'vitest';
import { HOOKS } from '@bulkhead/proto/rules';
import type { Conditions } from '../manifest/manifest.js';
import { compileConditions, subjectField } from './conditions.js';
import { testDispatcher } from './dispatcher.test-support.js';
import { entry, functionPort, modify } from './function-port.test-support.js';
import type { RequestContext } from './invocation.js';

function matches(
  conditions: Conditions | Conditions[],
  payload: Record<string, unknown>,
  context: RequestContext = {},
): boolean {
  const list = Array.isArray(conditions) ? conditions : [conditions];
  return compileConditions(list)?.(payload, context) ?? true;
}

describe('conditions', () => {
  test('none at all always match', () => {
    expect(compileConditions([])).toBeUndefined();
    expect(matches([{}], {})).toBe(true);
  });

  test.each([
    ['server_ids', {}, { serverId: 'files' }, ['files'], ['other'], ['f*']],
    ['tenant_ids', {}, { tenantId: 'acme' }, ['acme'], ['ACME'], ['ac?e']],
    ['tools', { name: 'read_file' }, {}, ['read_file'], ['read'], ['read_*']],
    ['prompts', { prompt_id: 'greet' }, {}, ['greet'], ['x'], ['g*']],
    [
      'resources',
      { uri: 'file:///srv/../etc/passwd' },
      {},
      ['file:///srv/../etc/passwd'],
      ['file:///x'],
      ['file:///srv/*'],
    ],
    ['agents', { agent_id: 'helper' }, {}, ['helper'], ['h'], ['{helper,other}']],
    ['user_patterns', {}, { user: { id: 'u-1' } }, ['u-1'], ['u'], ['u-*']],
  ] as const)(
    '%s: exact or glob, and a missing value matches nothing',
    (key, payload, context, exact, other, glob) => {
      expect(matches({ [key]: exact }, payload, context)).toBe(true);
      expect(matches({ [key]: other }, payload, context)).toBe(false);
      expect(matches({ [key]: [...other, ...glob] }, payload, context)).toBe(true);
      expect(matches({ [key]: ['*'] }, {}, {})).toBe(false);
    },
  );

  test('keys of one object must all match, one of several objects is enough', () => {
    const context = { tenantId: 'acme', serverId: 'files' };
    expect(matches({ tenant_ids: ['acme'], server_ids: ['files'] }, {}, context)).toBe(true);
    expect(matches({ tenant_ids: ['acme'], server_ids: ['mail'] }, {}, context)).toBe(false);
    expect(matches([{ tenant_ids: ['x'] }, { server_ids: ['files'] }], {}, context)).toBe(true);
  });

  test('a tool is its name on any server, or server/name', () => {
    const tool = { name: 'echo' };
    expect(matches({ tools: ['echo'] }, tool, { serverId: 'a' })).toBe(true);
    expect(matches({ tools: ['a/echo'] }, tool, { serverId: 'a' })).toBe(true);
    expect(matches({ tools: ['a/echo'] }, tool, { serverId: 'b' })).toBe(false);
    expect(matches({ tools: ['a/echo'] }, tool)).toBe(false);
    expect(matches({ tools: ['a/*'] }, tool, { serverId: 'a' })).toBe(true);
    expect(matches({ tools: ['*/echo'] }, tool, { serverId: 'b' })).toBe(true);
    expect(matches({ tools: ['a/echo'] }, { name: 'a/echo' }, { serverId: 'z' })).toBe(true);
  });

  test('content types ignore parameters and case; a missing one matches no condition', () => {
    const json = { content_types: ['application/json'] };
    expect(matches(json, {}, { contentType: 'Application/JSON; charset=utf-8' })).toBe(true);
    expect(matches({ content_types: ['Text/*; q=1'] }, {}, { contentType: 'text/plain' })).toBe(true);
    expect(matches(json, {}, {})).toBe(false);
    expect(matches({ content_types: ['*'] }, {}, {})).toBe(false);
  });

  test('user patterns look at id and address; the case of an address does not count', () => {
    const user = { id: 'U1', email: 'Ann@Example.com' };
    expect(matches({ user_patterns: ['*@example.com'] }, {}, { user })).toBe(true);
    expect(matches({ user_patterns: ['U1'] }, {}, { user })).toBe(true);
    expect(matches({ user_patterns: ['u1'] }, {}, { user })).toBe(false);
    expect(matches({ user_patterns: ['*'] }, {}, {})).toBe(false);
  });

  test('the subject of a hook is its tool, prompt, resource or agent', () => {
    expect(subjectField(HOOKS.tool_post_invoke)).toBe('name');
    expect(subjectField(HOOKS.resource_pre_fetch)).toBe('uri');
    expect(subjectField(HOOKS.http_pre_request)).toBeUndefined();
  });
});

describe('conditions in the pipeline', () => {
  test('a plugin that does not match is not called and leaves no record', async () => {
    let ran = 0;
    const { dispatcher } = testDispatcher([
      entry(
        functionPort('a', () => void ran++),
        'tool_pre_invoke',
        { conditions: [{ tools: ['other'] }] },
      ),
    ]);
    const payload = { name: 'echo', args: {} };
    const result = await dispatcher.invoke('tool_pre_invoke', payload);
    expect(ran).toBe(0);
    expect(result.records).toEqual([]);
    expect(result.payload).toBe(payload);
  });

  test('they look at the payload when the plugin’s turn comes: a renamed tool matches by its new name', async () => {
    const ran: string[] = [];
    const on = (name: string, tool: string) =>
      entry(
        functionPort(name, () => void ran.push(name)),
        'tool_pre_invoke',
        { conditions: [{ tools: [tool] }] },
      );
    const { dispatcher } = testDispatcher([
      entry(
        functionPort('rename', () => modify({ name: 'new' })),
        'tool_pre_invoke',
      ),
      on('old', 'old'),
      on('new', 'new'),
    ]);
    await dispatcher.invoke('tool_pre_invoke', { name: 'old', args: {} });
    expect(ran).toEqual(['new']);
  });

  test('a condition that can never apply is a configuration error that names plugin, hook and key', () => {
    expect(() =>
      testDispatcher([
        entry(
          functionPort('a', () => undefined),
          'tool_pre_invoke',
          { conditions: [{ prompts: ['p'] }] },
        ),
      ]),
    ).toThrow(
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        problems: [expect.objectContaining({ path: 'plugins.a.hooks.tool_pre_invoke.conditions.0.prompts' })],
      }),
    );
  });
});
