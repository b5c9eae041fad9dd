import { describe, expect, it } from 'vitest';
import { testPlugin } from '@bulkhead/sdk/testing';
import type { JsonObject, ObjectHook, ObjectType } from '@bulkhead/sdk';
import plugin from './index.js';

const start = (config: JsonObject = {}) =>
  testPlugin(plugin, { manifest: new URL('plugin.yaml', import.meta.url), config });

const TYPES: readonly ObjectType[] = ['llm', 'datasource', 'tool', 'user', 'app'];
const HOOKS: readonly ObjectHook[] = [
  'before_create',
  'after_create',
  'before_update',
  'after_update',
  'before_delete',
  'after_delete',
];

describe('hook-recorder', () => {
  it('records every hook of every object, and changes nothing', async () => {
    const t = await start();
    for (const type of TYPES) {
      for (const hook of HOOKS) {
        expect(await t.objectHook(type, hook, { id: 'o1' })).toMatchObject({ allowed: true, changed: false });
      }
    }
    const { calls } = (await t.rpc('recorded', {})) as { calls: { object: string; hook: string }[] };
    expect(calls.map(({ object, hook }) => `${object}.${hook}`)).toEqual(
      TYPES.flatMap((type) => HOOKS.map((hook) => `${type}.${hook}`)),
    );
  });

  it('tells who did what to which object', async () => {
    const t = await start();
    await t.objectHook(
      'llm',
      'before_update',
      { id: 'l1', name: 'new', etag: '2' },
      {
        previous: { id: 'l1', name: 'old', etag: '1' },
        operationId: 'op1',
        userId: 'ann',
        dryRun: true,
      },
    );
    expect(await t.rpc('recorded', { operation_id: 'op1' })).toMatchObject({
      calls: [{ object_id: 'l1', user_id: 'ann', dry_run: true, changed: ['name'] }],
      dropped: 0,
    });
    expect(await t.rpc('recorded', { object: 'app' })).toMatchObject({ calls: [] });
  });

  it('notes on the object what it saw, unless it is not to', async () => {
    const t = await start();
    const first = await t.objectHook('app', 'before_create', { name: 'a' }, { operationId: 'op' });
    expect(first.metadata).toEqual({
      last: { hook: 'before_create', operation_id: 'op', number: 1 },
      calls: 1,
    });
    const second = await t.objectHook('app', 'after_create', { name: 'a' }, { metadata: first.metadata });
    expect(second.metadata).toMatchObject({ calls: 2 });
    const silent = await start({ notes: false });
    expect((await silent.objectHook('app', 'before_create', {})).metadata).toEqual({});
  });

  it('keeps objects only when it is told to, and so many calls', async () => {
    const t = await start({ keep: 2, objects: true });
    for (const name of ['a', 'b', 'c']) await t.objectHook('user', 'after_create', { name });
    expect(await t.rpc('recorded', {})).toMatchObject({
      calls: [
        { number: 2, value: { name: 'b' } },
        { number: 3, value: { name: 'c' } },
      ],
      dropped: 1,
    });
    expect(await t.rpc('clear')).toEqual({ cleared: 2 });
    expect(await t.rpc('recorded', {})).toEqual({ calls: [], dropped: 0 });
  });
});
