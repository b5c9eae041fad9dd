import { expect, test } from 'vitest';
import { PublishRequest } from '@bulkhead/proto/host';
import type { NewEvent } from '../../events/outbox.js';
import { createEventMethods } from './service.js';

test.each([
  ['com.example', 'com.example.order', true],
  ['com.example', 'com.other.order', false],
  ['com.example', 'com.example', false],
  ['com.example', 'com.example.audit.order', false],
  ['com.example.audit', 'com.example.audit.order', true],
  ['system', 'system.llm.created', false],
])('a plugin with the id %s may publish %s: %j', async (id, topic, may) => {
  const published: NewEvent[] = [];
  const unused = (): Promise<never> => Promise.reject(new Error('not asked here'));
  const methods = createEventMethods(
    {
      append: unused,
      wake: () => {},
      publish: async (event) => {
        published.push(event);
        return 'id';
      },
    },
    { subscribe: unused, unsubscribe: unused, list: unused },
    () => ['com.example', 'com.example.audit'],
  );
  const publish = methods.find(({ path }) => path.endsWith('/Publish'));
  const asked = publish?.handle(PublishRequest.encode({ topic, dataJson: '1' }).finish(), {
    plugin: { name: 'p', id, version: '1.0.0', pid: 1, grantedScopes: [] },
    timeoutMs: 1_000,
    traceparent: '',
    signal: new AbortController().signal,
  });
  if (may) await asked;
  else await expect(asked).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
  expect(published).toHaveLength(may ? 1 : 0);
});
