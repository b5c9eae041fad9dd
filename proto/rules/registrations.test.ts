import { describe, expect, test } from 'vitest';
import { readContributions } from './contributions.js';
import { assertRegistrations, declaredRegistrations, type Registered } from './registrations.js';

const MANIFEST = {
  object_hooks: [{ object: 'llm', hooks: ['before_create', 'after_create'], priority: 10 }],
  contributes: {
    tools: [{ name: 'add', input: { type: 'object' } }],
    commands: [{ name: 'note' }],
    routes: [{ path: '/orders/{id}', methods: ['GET', 'DELETE'] }],
    schedules: [{ name: 'nightly', cron: '0 3 * * *' }],
  },
  rpc: { methods: { list: { min_role: 'viewer' }, drop: {} } },
};
const contributions = readContributions(MANIFEST);
const declared = declaredRegistrations(['tool_pre_invoke'], contributions);
const REGISTERED: Registered = {
  hook: ['tool_pre_invoke'],
  'object hook': ['llm.before_create', 'llm.after_create'],
  tool: ['add'],
  command: ['note'],
  route: ['GET /orders/{id}', 'DELETE /orders/{id}'],
  'RPC method': ['list', 'drop'],
  schedule: ['nightly'],
};

describe('what is declared and what is registered', () => {
  test('may be the same', () => {
    expect(() => {
      assertRegistrations(declared, REGISTERED);
    }).not.toThrow();
  });

  test.each(Object.keys(REGISTERED) as (keyof Registered)[])(
    'differ when a %s is missing, is too much, or comes twice',
    (kind) => {
      const [first = ''] = REGISTERED[kind];
      for (const names of [
        REGISTERED[kind].slice(1),
        [...REGISTERED[kind], 'x'],
        [...REGISTERED[kind], first],
      ]) {
        expect(() => {
          assertRegistrations(declared, { ...REGISTERED, [kind]: names });
        }).toThrow(
          expect.objectContaining({ code: 'REGISTRATION_MISMATCH', message: expect.stringContaining(kind) }),
        );
      }
    },
  );

  test('object hooks that no key speaks of are nobody’s fault here', () => {
    const silent = declaredRegistrations(
      ['tool_pre_invoke'],
      readContributions({ ...MANIFEST, object_hooks: undefined }),
    );
    expect(() => {
      assertRegistrations(silent, REGISTERED);
    }).not.toThrow();
  });

  test('an error quotes a bounded number of names, each cut', () => {
    const tools = Array.from({ length: 200 }, (_, index) => `${'x'.repeat(1_000)}${index}`);
    expect(() => {
      assertRegistrations(declared, { ...REGISTERED, tool: [...REGISTERED.tool, ...tools] });
    }).toThrow(expect.objectContaining({ message: expect.stringMatching(/^.{0,3000}$/s) }));
  });
});

test('contributions come with their defaults, and whoever may do the most calls an RPC method without a role', () => {
  expect(contributions).toMatchObject({
    tools: [{ effect: 'state_changing' }],
    routes: [{ auth: 'app', scopes: [] }],
    schedules: [{ timezone: 'UTC', retry: false, missed: 'skip' }],
    rpcMethods: [
      { name: 'list', minRole: 'viewer' },
      { name: 'drop', minRole: 'admin' },
    ],
  });
});
