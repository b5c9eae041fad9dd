import { expect, test } from 'vitest';
import { PublishRequest } from '@bulkhead/proto/host';
import { createEventMethods } from './service.js';

test('a plugin publishes under its own id, not under a longer one that begins with it', async () => {
  const published: string[] = [];
  const never = (): Promise<never> => Promise.reject(new Error('not asked here'));
  const methods = createEventMethods(
    { publish: ({ topic }) => Promise.resolve(String(published.push(topic))) },
    { subscribe: never, unsubscribe: never, list: never },
    () => ['com.example', 'com.example.billing'],
  );
  const method = methods.find(({ path }) => path.endsWith('/Publish'));
  const publish = async (id: string, topic: string): Promise<void> => {
    await method?.handle(PublishRequest.encode({ topic, dataJson: '{}' }).finish(), {
      plugin: { name: 'p', id, version: '1.0.0', pid: 1, grantedScopes: [] },
      timeoutMs: 0,
      traceparent: '',
      signal: new AbortController().signal,
    });
  };
  await publish('com.example', 'com.example.paid');
  await publish('com.example.billing', 'com.example.billing.paid');
  await expect(publish('com.example', 'com.example.billing.paid')).rejects.toMatchObject({
    code: 'PERMISSION_DENIED',
  });
  await expect(publish('com', 'com.example.paid')).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
  expect(published).toEqual(['com.example.paid', 'com.example.billing.paid']);
});
