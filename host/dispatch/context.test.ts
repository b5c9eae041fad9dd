import { describe, expect, test } from 'vitest';
import type { CallContext } from '@bulkhead/proto/plugin';
import { testDispatcher } from './dispatcher.test-support.js';
import { entry, functionPort, modify } from './function-port.test-support.js';
import type { RequestContext } from './invocation.js';
import type { ContextPermission } from './port.js';

const CONTEXT: RequestContext = {
  requestId: 'r-1',
  tenantId: 'acme',
  serverId: 'files',
  appId: 'app-1',
  contentType: 'application/json',
  user: { id: 'u1', email: 'ann@example.com', team: 'core', groups: ['g'], roles: ['admin'] },
  claims: { sub: 'u1' },
  headers: { authorization: 'Bearer secret' },
};
const CALL = { name: 'echo', args: {}, headers: { 'x-a': '1', cookie: 'secret' } };

async function see(
  ...permissions: ContextPermission[]
): Promise<{ context: CallContext; payload: Record<string, unknown> }> {
  const seen: { context: CallContext; payload: Record<string, unknown> }[] = [];
  const port = functionPort(
    'a',
    ({ request, payload }) => {
      if (request.context !== undefined) seen.push({ context: request.context, payload: { ...payload } });
      return undefined;
    },
    { permissions },
  );
  const { dispatcher } = testDispatcher([entry(port, 'tool_pre_invoke')]);
  await dispatcher.invoke('tool_pre_invoke', CALL, CONTEXT);
  const [first] = seen;
  if (first === undefined) throw new Error('the plugin did not run');
  return first;
}

describe('context by permission', () => {
  test('without a permission the rest never leaves the host', async () => {
    const { context, payload } = await see();
    expect(context).toMatchObject({
      requestId: 'r-1',
      tenantId: 'acme',
      serverId: 'files',
      appId: 'app-1',
      contentType: 'application/json',
      user: undefined,
      headers: {},
      claimsJson: '',
    });
    expect(payload['headers']).toEqual({});
    expect(JSON.stringify([context, payload])).not.toMatch(/secret|ann@|admin/);
  });

  test('read_user gives the user without roles and groups', async () => {
    expect((await see('read_user')).context.user).toEqual({
      id: 'u1',
      email: 'ann@example.com',
      team: 'core',
      groups: [],
      roles: [],
    });
  });

  test('read_roles gives roles and groups without the person', async () => {
    expect((await see('read_roles')).context.user).toEqual({
      id: '',
      email: '',
      team: '',
      groups: ['g'],
      roles: ['admin'],
    });
  });

  test('read_claims and read_headers', async () => {
    expect((await see('read_claims')).context.claimsJson).toBe('{"sub":"u1"}');
    const { context, payload } = await see('read_headers');
    expect(context.headers).toEqual(CONTEXT.headers);
    expect(payload['headers']).toEqual(CALL.headers);
  });

  test('plugins with other permissions in one call each see their own', async () => {
    const users: unknown[] = [];
    const reader = (name: string, permissions: ContextPermission[]) =>
      entry(
        functionPort(name, ({ request }) => void users.push(request.context?.user?.id), { permissions }),
        'tool_pre_invoke',
      );
    const { dispatcher } = testDispatcher([
      reader('a', ['read_user']),
      reader('b', []),
      reader('c', ['read_user']),
    ]);
    await dispatcher.invoke('tool_pre_invoke', CALL, CONTEXT);
    expect(users).toEqual(['u1', undefined, 'u1']);
  });
});

describe('header changes', () => {
  const change = async (...permissions: ContextPermission[]) => {
    const port = functionPort('a', () => modify({ headers: { 'x-new': '2' } }), { permissions });
    const { dispatcher } = testDispatcher([entry(port, 'tool_pre_invoke')]);
    return dispatcher.invoke('tool_pre_invoke', CALL, CONTEXT);
  };

  test('are dropped and recorded without write_headers', async () => {
    const result = await change('read_headers');
    expect(result.payload).toBe(CALL);
    expect(result.records).toMatchObject([
      { requested: 'modify', effective: 'allow', changed: [], dropped: ['headers'] },
    ]);
  });

  test('replace the headers with both permissions', async () => {
    expect((await change('read_headers', 'write_headers')).payload).toMatchObject({
      headers: { 'x-new': '2' },
    });
  });

  test('are added when the plugin may write but not read: it cannot remove what it does not see', async () => {
    expect((await change('write_headers')).payload).toMatchObject({
      headers: { ...CALL.headers, 'x-new': '2' },
    });
  });
});

test('a request without an id gets one', async () => {
  const { dispatcher } = testDispatcher([]);
  const one = await dispatcher.invoke('tool_pre_invoke', CALL);
  const other = await dispatcher.invoke('tool_pre_invoke', CALL);
  expect(one.context.requestId).toMatch(/^[0-9a-f-]{36}$/);
  expect(other.context.requestId).not.toBe(one.context.requestId);
  expect((await dispatcher.invoke('tool_pre_invoke', CALL, CONTEXT)).context.requestId).toBe('r-1');
});
