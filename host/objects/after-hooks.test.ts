import { expect, test, vi } from 'vitest';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { ObjectHook } from '@bulkhead/proto/rules';
import type { Clock } from '../clock.js';
import { FakeClock } from '../clock.test-support.js';
import { describeEachStore } from '../store/each-store.test-support.js';
import type { Store } from '../store/store.js';
import type { HookedPlugin } from './hook-list.js';
import type { Seal } from './seal.js';
import { ADA, hooked, openObjects as openObjectsOn, type Handler } from './objects.test-support.js';

const OPENAI = { name: 'GPT', slug: 'gpt', vendor: 'openai' };
const on = (...hooks: readonly ObjectHook[]) => [{ object: 'llm' as const, hooks, priority: 100 }];
const until = (check: () => unknown) => vi.waitFor(check, { timeout: 10_000, interval: 5 });

describeEachStore('the after hooks of an object', (the) => {
  const openObjects = async (
    plugins: readonly HookedPlugin[] = [],
    options: { readonly store?: Store; readonly clock?: Clock; readonly seal?: Seal } = {},
  ) => openObjectsOn(plugins, { store: await the.open(), ...options });

  test('run once the object stands, and their notes are kept', async () => {
    const seen: unknown[] = [];
    const opened = await openObjects([
      hooked(
        'p',
        on('after_create', 'after_update', 'after_delete'),
        async ({ hook, objectId, objectJson }) => {
          const there = (await opened.objects.llm.find(objectId)) !== undefined;
          seen.push([hook, there, (JSON.parse(objectJson) as { name: string }).name]);
          return { metadata: { [hook]: 'true' } };
        },
      ),
    ]);
    opened.start();
    const { id, etag } = await opened.objects.llm.create(ADA, OPENAI);
    await until(async () => {
      expect(await opened.objects.llm.get(id)).toMatchObject({
        etag,
        metadata: { 'plugin:test.p': { after_create: true } },
      });
    });
    await opened.objects.llm.update(ADA, id, { ...OPENAI, name: 'New' }, { ifMatch: etag });
    await opened.objects.llm.delete(ADA, id);
    await until(() => {
      expect(seen).toEqual([
        ['after_create', true, 'GPT'],
        ['after_update', expect.any(Boolean), 'New'],
        ['after_delete', false, 'New'],
      ]);
    });
  });

  test('never hold up the change, and carry the operation id of its before hooks', async () => {
    const ids: string[] = [];
    const never = Promise.withResolvers<undefined>();
    const opened = await openObjects([
      hooked('slow', on('after_create'), () => never.promise),
      hooked('p', on('before_create', 'after_create'), ({ operationId }) => {
        ids.push(operationId);
        return undefined;
      }),
    ]);
    opened.start();
    await opened.objects.llm.create(ADA, OPENAI);
    await until(() => {
      expect(ids).toHaveLength(2);
    });
    expect(ids[0]).toBe(ids[1]);
    never.resolve(undefined);
  });

  test('that fail are tried again with the same operation id, and given up after a while, which is audited', async () => {
    const clock = new FakeClock(Date.parse('2026-01-01T00:00:00Z'));
    const ids: string[] = [];
    const failing: Handler = ({ operationId }) => {
      ids.push(operationId);
      throw new BulkheadError(ErrorCode.PLUGIN_ERROR, 'not today');
    };
    const opened = await openObjects([hooked('p', on('after_create'), failing)], { clock });
    opened.start();
    await opened.objects.llm.create(ADA, OPENAI);
    await until(() => {
      clock.advance(60_000);
      expect(opened.audited).toContainEqual(
        expect.objectContaining({
          action: 'object_hook.given_up',
          outcome: 'error',
          code: 'PLUGIN_ERROR',
          details: expect.objectContaining({ plugin: 'p', hook: 'after_create', operation_id: ids[0] }),
        }),
      );
    });
    expect(ids).toHaveLength(6);
    expect(new Set(ids).size).toBe(1);
    await until(async () => {
      expect(await opened.store.db.selectFrom('object_hook_runs').selectAll().execute()).toEqual([]);
    });
  });

  test('that waited are given up when they are granted no longer, and the plugin sees nothing', async () => {
    const store = await the.open();
    const before = await openObjects([hooked('p', on('after_create'), () => undefined)], { store });
    await before.objects.llm.create(ADA, OPENAI);
    let called = false;
    const revoked = hooked('p', [], () => {
      called = true;
      return undefined;
    });
    const opened = await openObjects([revoked], { store });
    opened.start();
    await until(() => {
      expect(opened.audited).toContainEqual(
        expect.objectContaining({ action: 'object_hook.given_up', code: 'PERMISSION_DENIED' }),
      );
    });
    expect(called).toBe(false);
  });

  test('whose secret does not open are given up with that reason, and hold up no other object', async () => {
    const clock = new FakeClock(Date.parse('2026-01-01T00:00:00Z'));
    let lost = '';
    const seal: Seal = {
      prepare: () => Promise.resolve(),
      sealer: () => Promise.resolve((secret, { id }) => `sealed ${secret} of ${id}`),
      open: (sealed, { id, field }) => {
        if (id !== lost) return sealed;
        throw new BulkheadError(ErrorCode.SECRET_KEY_INVALID, `${field} does not open`);
      },
    };
    const seen: string[] = [];
    const opened = await openObjects(
      ['p', 'other'].map((name) =>
        hooked(name, on('after_create'), ({ objectId }) => {
          seen.push(`${name} ${objectId}`);
          return undefined;
        }),
      ),
      { clock, seal },
    );
    const bad = await opened.objects.llm.create(ADA, { ...OPENAI, api_key: 'one' });
    const good = await opened.objects.llm.create(ADA, { ...OPENAI, slug: 'two', api_key: 'two' });
    lost = bad.id;
    opened.start();
    await until(() => {
      expect(seen.toSorted()).toEqual([`other ${good.id}`, `p ${good.id}`]);
    });
    await until(async () => {
      const left = await opened.store.db.selectFrom('object_hook_runs').selectAll().execute();
      // Not while one is under way: its claim would be over.
      if (left.every(({ claim }) => claim === null)) clock.advance(600_000);
      expect(left).toEqual([]);
    });
    expect(opened.audited.filter(({ action }) => action === 'object_hook.given_up')).toHaveLength(2);
    expect(opened.audited).toContainEqual(
      expect.objectContaining({
        action: 'object_hook.given_up',
        target: `llm/${bad.id}`,
        code: 'SECRET_KEY_INVALID',
        reason: expect.stringContaining('api_key does not open'),
      }),
    );
    expect(seen).toHaveLength(2);
  });

  test('whose secret does not open and whose plugin never came end after a day, and are audited', async () => {
    const clock = new FakeClock(Date.parse('2026-01-01T00:00:00Z'));
    const seal: Seal = {
      prepare: () => Promise.resolve(),
      sealer: () => Promise.resolve((secret) => `sealed ${secret}`),
      open: () => {
        throw new BulkheadError(ErrorCode.SECRET_KEY_INVALID, 'does not open');
      },
    };
    const opened = await openObjects([hooked('p', on('after_create'), () => undefined)], { clock, seal });
    await opened.objects.llm.create(ADA, { ...OPENAI, api_key: 'one' });
    opened.plugins = [];
    clock.advance(25 * 60 * 60 * 1_000);
    opened.start();
    await until(() => {
      expect(opened.audited).toContainEqual(
        expect.objectContaining({ action: 'object_hook.given_up', code: 'DEADLINE_EXCEEDED' }),
      );
    });
  });

  test('of a plugin that is down wait for it, in their order', async () => {
    const clock = new FakeClock(Date.parse('2026-01-01T00:00:00Z'));
    let up = false;
    const seen: string[] = [];
    const opened = await openObjects(
      [
        hooked('p', on('after_create', 'after_update'), ({ hook }) => {
          if (!up) throw new BulkheadError(ErrorCode.PLUGIN_UNAVAILABLE, 'no process');
          seen.push(hook);
          return undefined;
        }),
      ],
      { clock },
    );
    opened.start();
    const { id } = await opened.objects.llm.create(ADA, OPENAI);
    await opened.objects.llm.update(ADA, id, OPENAI);
    for (let n = 0; n < 20; n += 1) {
      clock.advance(10_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(seen).toEqual([]);
    up = true;
    await until(() => {
      clock.advance(10_000);
      expect(seen).toEqual(['after_create', 'after_update']);
    });
  });

  test('that a host left behind are run by another one, once between the two', async () => {
    const stores = await Promise.all([the.open(), the.open(), the.open()]);
    const [store] = stores;
    const clock = new FakeClock(Date.parse('2026-01-01T00:00:00Z'));
    const ran: string[] = [];
    const p = (host: string) =>
      hooked('p', on('after_create'), () => {
        ran.push(host);
        return undefined;
      });
    // It is gone before it looks.
    const first = await openObjects([p('first')], { store, clock });
    for (let n = 0; n < 20; n += 1) await first.objects.llm.create(ADA, { ...OPENAI, slug: `s${String(n)}` });
    const second = await openObjects([p('second')], { store: stores[1], clock });
    const third = await openObjects([p('third')], { store: stores[2], clock });
    second.start();
    third.start();
    await until(async () => {
      expect(await store.db.selectFrom('object_hook_runs').selectAll().execute()).toEqual([]);
    });
    expect(ran).toHaveLength(20);
    expect(ran).not.toContain('first');
  });

  test('an answer that none may give is not asked for again', async () => {
    let calls = 0;
    const opened = await openObjects([
      hooked('p', on('after_create'), (request) => {
        calls += 1;
        return { decision: 1, objectJson: request.objectJson };
      }),
    ]);
    opened.start();
    await opened.objects.llm.create(ADA, OPENAI);
    await until(() => {
      expect(opened.audited).toContainEqual(
        expect.objectContaining({ action: 'object_hook.given_up', code: 'INVALID_ANSWER' }),
      );
    });
    expect(calls).toBe(1);
  });

  test('notes that are too many end the run, and are said', async () => {
    const opened = await openObjects([
      hooked('p', on('after_create'), () => ({ metadata: { more: JSON.stringify('x'.repeat(40_000)) } })),
    ]);
    opened.start();
    const { id } = await opened.objects.llm.create(ADA, OPENAI);
    await opened.objects.llm.note(ADA, id, 'test.p', { much: 'x'.repeat(40_000) });
    await opened.objects.llm.update(ADA, id, OPENAI);
    await until(async () => {
      expect(await opened.store.db.selectFrom('object_hook_runs').selectAll().execute()).toEqual([]);
    });
    expect(JSON.stringify((await opened.objects.llm.get(id)).metadata).length).toBeLessThan(70_000);
  });
});
