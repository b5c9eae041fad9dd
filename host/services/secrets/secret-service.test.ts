import { GetSecretRequest, GetSecretResponse } from '@bulkhead/proto/host';
import { expect, test } from 'vitest';
import { createSecretMethods } from './secret-service.js';

const asked: string[] = [];
const [method] = createSecretMethods({
  get(name) {
    asked.push(name);
    return Promise.resolve(name === 'KNOWN' ? { value: 'v', version: 3 } : undefined);
  },
});

const get = async (name: string, grantedSecrets?: readonly string[]) => {
  if (method === undefined) throw new Error('expected a method');
  const plugin = {
    name: 'p',
    id: 'x.p',
    version: '1.0.0',
    pid: 1,
    grantedScopes: ['secrets.read'],
    ...(grantedSecrets === undefined ? {} : { grantedSecrets }),
  };
  const call = { plugin, timeoutMs: 0, traceparent: '', signal: new AbortController().signal };
  return GetSecretResponse.decode(await method.handle(GetSecretRequest.encode({ name }).finish(), call));
};

test('a granted secret is handed out', async () => {
  expect(await get('KNOWN', ['KNOWN'])).toEqual({ value: 'v', version: 3n });
});

test('one that was not granted is refused, whether it is there or not, without looking', async () => {
  asked.length = 0;
  for (const name of ['KNOWN', 'UNKNOWN', '__proto__', '']) {
    await expect(get(name, ['OTHER'])).rejects.toMatchObject({ code: 'PERMISSION_DENIED', field: 'name' });
    await expect(get(name)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
  }
  expect(asked).toEqual([]);
});

test('a granted one without a value is NOT_FOUND, with how to give it one', async () => {
  await expect(get('EMPTY', ['EMPTY'])).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: expect.stringContaining('bulkhead secret set EMPTY'),
  });
});
