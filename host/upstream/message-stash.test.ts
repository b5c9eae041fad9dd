import type { JSONRPCMessage } from '@modelcontextprotocol/client';
import { stringifyJson } from '@bulkhead/proto/json';
import { expect, test } from 'vitest';
import { createMessageStash } from './message-stash.js';

const read = (text: string): JSONRPCMessage => JSON.parse(text) as JSONRPCMessage;

test('a message comes back with its numbers and the request that it came with', () => {
  const stash = createMessageStash();
  const text = '{"jsonrpc":"2.0","method":"x","params":{"n":9007199254740993}}';
  const taken = stash.take(read(stash.put(text, 7)));
  expect(stringifyJson(taken?.message)).toBe(text);
  expect(taken?.related).toBe(7);
});

test('an answer looks like an answer to the same request, and takes the id that the transport gives it', () => {
  const stash = createMessageStash();
  const stub = read(stash.put('{"jsonrpc":"2.0","id":3,"error":{"code":1,"message":"no"}}', undefined));
  expect(stub).toMatchObject({ id: 3, result: {} });
  expect(stash.take({ ...stub, id: 9 } as JSONRPCMessage)?.message).toEqual({
    jsonrpc: '2.0',
    id: 9,
    error: { code: 1, message: 'no' },
  });
});

test('what is no message passes as it is, and a stub is good once', () => {
  const stash = createMessageStash();
  expect(stash.put('not json', 1)).toBe('not json');
  expect(stash.put('[1]', 1)).toBe('[1]');
  const stub = read(stash.put('{"jsonrpc":"2.0","method":"x"}', 1));
  expect(stash.take(stub)).toBeDefined();
  expect(stash.take(stub)).toBeUndefined();
  expect(stash.take({ jsonrpc: '2.0', method: 'y' })).toBeUndefined();
});
