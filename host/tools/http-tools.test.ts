import type { ToolObject } from '@bulkhead/proto/rules';
import { expect, test } from 'vitest';
import { FakeClock } from '../clock.test-support.js';
import type { ObjectCollection } from '../objects/objects.js';
import { createHttpTools } from './http-tools.js';
import { createToolPolicies } from './policy.js';

const object = (id: string, operations = 1): ToolObject => ({
  id,
  name: id,
  kind: 'http',
  active: true,
  operations: Array.from({ length: operations }, (_, n) => ({
    name: `op${String(n)}`,
    method: 'GET',
    url_template: 'https://api.example/x',
    effect: 'read_only' as const,
  })),
  metadata: {},
  etag: 'e',
  created_at: '2026-01-01T00:00:00Z',
  updated_at: '2026-01-01T00:00:00Z',
});

function open(list: () => Promise<{ readonly items: readonly ToolObject[] }>) {
  const clock = new FakeClock();
  let told: (payload: string) => void = () => undefined;
  const warned: string[] = [];
  let reads = 0;
  const objects: Pick<ObjectCollection<ToolObject>, 'list'> = {
    list: () => {
      reads += 1;
      return list();
    },
  };
  const tools = createHttpTools({
    store: {
      listen: (_channel, listener) => {
        told = listener;
        return () => undefined;
      },
    },
    objects,
    http: () => Promise.reject(new Error('nobody is asked here')),
    policies: () => createToolPolicies({ expose: {} }),
    active: () => [],
    clock,
    log: { warn: (_fields: object, message: string) => void warned.push(message) },
  });
  tools.subscribe(() => undefined);
  return { tools, clock, warned, tell: (payload: string) => told(payload), reads: () => reads };
}

test('objects are read once for many who ask, and again after a change or a while', async () => {
  const { tools, clock, tell, reads } = open(() => Promise.resolve({ items: [object('orders')] }));
  await Promise.all([tools.refresh(), tools.refresh()]);
  await tools.refresh();
  expect(reads()).toBe(1);
  tell('["llm","x"]');
  await tools.refresh();
  expect(reads()).toBe(1);
  tell('["tool","orders"]');
  await tools.refresh();
  expect(reads()).toBe(2);
  clock.advance(10_000);
  await tools.refresh();
  expect(reads()).toBe(3);
});

test('when the store is away what is known stays, and it is not asked by every call', async () => {
  let away = false;
  const { tools, clock, tell, warned, reads } = open(() =>
    away ? Promise.reject(new Error('away')) : Promise.resolve({ items: [object('orders')] }),
  );
  await tools.refresh();
  away = true;
  tell('["tool","orders"]');
  await tools.refresh();
  await tools.refresh();
  expect(reads()).toBe(2);
  expect(warned).toHaveLength(1);
  expect(tools.exposed().map(({ tool }) => tool.server)).toEqual(['orders']);
  clock.advance(1_000);
  away = false;
  await tools.refresh();
  expect(reads()).toBe(3);
});

test('a thousand operations are offered, and it is said that there are more', async () => {
  const { tools, warned } = open(() =>
    Promise.resolve({ items: [object('a', 600), object('b', 400), object('c')] }),
  );
  await tools.refresh();
  expect(tools.exposed()).toHaveLength(1_000);
  expect(warned).toEqual([expect.stringContaining('more than 1000 operations')]);
});
