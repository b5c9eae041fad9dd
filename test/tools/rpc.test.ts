import { describe, expect, test } from 'vitest';
import { runHost } from './tools.test-support.js';

const OPERATOR = { actor: { kind: 'cli', id: 'eva' }, role: 'operator' } as const;
const signal = new AbortController().signal;

describe('an RPC method that a plugin offers', () => {
  test('is called with the caller, by entry or id, input and output held to their schemas', async () => {
    await using at = await runHost();
    const { rpc } = at.host.services.contributions;
    const listed = await rpc.find('test.contributing', 'list').call('{"a": 1.0}', OPERATOR, signal);
    expect(JSON.parse(listed)).toEqual({
      caller: { kind: 'cli', id: 'eva', role: 'operator' },
      input: '{"a": 1.0}',
    });
    const approve = rpc.find('notes', 'approve');
    expect(await approve.call('{"id":"x"}', OPERATOR, signal)).toBe('{"approved":"x"}');
    await expect(approve.call('{}', OPERATOR, signal)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(rpc.find('notes', 'wrong').call('null', OPERATOR, signal)).rejects.toMatchObject({
      code: 'INVALID_ANSWER',
    });
    expect(() => rpc.find('notes', 'nothing')).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
    expect(() => rpc.find('nobody', 'list')).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
  });
});
