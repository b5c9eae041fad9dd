import { describe, expect, test } from 'vitest';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { InvokeRequest } from '@bulkhead/proto/plugin';
import { testDispatcher } from './dispatcher.test-support.js';
import { deny, entry, functionPort, modify } from './function-port.test-support.js';

const HOOK = 'tool_pre_invoke';
const CALL = { name: 'echo', args: {} };

describe('fire_and_forget', () => {
  test('runs after the outcome, sees the final payload and the outcome, and nobody waits for it', async () => {
    const release = Promise.withResolvers<void>();
    const seen: unknown[] = [];
    const { dispatcher, records } = testDispatcher([
      entry(
        functionPort('log', async ({ payload, request }) => {
          await release.promise;
          seen.push([payload['args'], request.outcome]);
          return modify({ args: { ignored: true } });
        }),
        HOOK,
        { mode: 'fire_and_forget', priority: 1 },
      ),
      entry(
        functionPort('change', () => modify({ args: { final: 1 } })),
        HOOK,
      ),
    ]);
    const result = await dispatcher.invoke(HOOK, CALL);
    expect(result).toMatchObject({ payload: { args: { final: 1 } }, records: [{ plugin: 'change' }] });
    release.resolve();
    await dispatcher.drain(1_000);
    expect(seen).toEqual([[{ final: 1 }, { allowed: true, deniedBy: '', violation: undefined }]]);
    expect(records).toMatchObject([
      { plugin: 'change' },
      { plugin: 'log', requested: 'modify', effective: 'allow', dropped: ['args'] },
    ]);
  });

  test('also after a denial', async () => {
    const outcomes: unknown[] = [];
    const { dispatcher } = testDispatcher([
      entry(
        functionPort('log', ({ request }) => void outcomes.push(request.outcome)),
        HOOK,
        { mode: 'fire_and_forget' },
      ),
      entry(
        functionPort('guard', () => deny('NO', { details: { a: 1 } })),
        HOOK,
      ),
    ]);
    await dispatcher.invoke(HOOK, CALL);
    await dispatcher.drain(1_000);
    expect(outcomes).toMatchObject([
      {
        allowed: false,
        deniedBy: 'guard',
        violation: { code: 'NO', reason: 'because NO', detailsJson: '{"a":1}' },
      },
    ]);
  });

  test('its denial takes no effect and stands in the record', async () => {
    const { dispatcher, records } = testDispatcher([
      entry(
        functionPort('log', () => deny('LATE')),
        HOOK,
        { mode: 'fire_and_forget' },
      ),
    ]);
    expect(await dispatcher.invoke(HOOK, CALL)).toMatchObject({ allowed: true });
    await dispatcher.drain(1_000);
    expect(records).toMatchObject([{ requested: 'deny', effective: 'allow', code: 'LATE' }]);
  });

  test('does not end with the caller: its signal and deadline are not passed on', async () => {
    const options: unknown[] = [];
    const { dispatcher } = testDispatcher([
      entry(
        functionPort('log', (seen) => void options.push(seen.options)),
        HOOK,
        { mode: 'fire_and_forget', timeoutMs: 900 },
      ),
    ]);
    await dispatcher.invoke(HOOK, CALL, {}, { timeoutMs: 5, signal: new AbortController().signal });
    await dispatcher.drain(1_000);
    expect(options).toEqual([{ timeoutMs: 900 }]);
  });

  test('a queue that is full drops and counts', async () => {
    const release = Promise.withResolvers<void>();
    let ran = 0;
    const { dispatcher, lines } = testDispatcher([
      entry(
        functionPort('slow', async () => {
          await release.promise;
          ran++;
          return undefined;
        }),
        HOOK,
        { mode: 'fire_and_forget' },
      ),
    ]);
    for (let i = 0; i < 10_040; i++) await dispatcher.invoke(HOOK, CALL);
    expect(lines).toMatchObject([{ level: 40, plugin: 'slow', dropped: 1 }]);
    release.resolve();
    await dispatcher.drain(10_000);
    expect(ran).toBe(10_032);
  });
});

describe('batches', () => {
  const batched = (max: number, maxWaitMs: number) => {
    const batches: InvokeRequest[][] = [];
    const port = functionPort('log', () => undefined, { batches });
    const made = testDispatcher([entry(port, HOOK, { mode: 'fire_and_forget', batch: { max, maxWaitMs } })]);
    const call = (id: string) => made.dispatcher.invoke(HOOK, CALL, { requestId: id });
    const ids = () => batches.map((batch) => batch.map(({ context }) => context?.requestId));
    return { ...made, call, ids };
  };

  test('go when full', async () => {
    const { call, ids, dispatcher, records } = batched(2, 1_000);
    for (const id of ['a', 'b', 'c', 'd', 'e']) await call(id);
    expect(ids()).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
    await dispatcher.drain(1_000);
    expect(ids()).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
    expect(records).toHaveLength(5);
  });

  test('go when the first has waited long enough', async () => {
    const { call, ids, clock } = batched(100, 250);
    await call('a');
    clock.advance(200);
    await call('b');
    expect(ids()).toEqual([]);
    clock.advance(50);
    expect(ids()).toEqual([['a', 'b']]);
    await call('c');
    clock.advance(249);
    expect(ids()).toHaveLength(1);
    clock.advance(1);
    expect(ids()).toEqual([['a', 'b'], ['c']]);
  });

  test('of large payloads are cut to what one message takes, and no part waits anew', async () => {
    const batches: InvokeRequest[][] = [];
    const port = functionPort('log', () => undefined, { batches });
    const { dispatcher, clock } = testDispatcher([
      entry(port, HOOK, { mode: 'fire_and_forget', batch: { max: 100, maxWaitMs: 250 } }),
    ]);
    const large = { name: 'echo', args: { text: 'x'.repeat(400_000) } };
    for (let n = 0; n < 5; n += 1) await dispatcher.invoke(HOOK, large);
    clock.advance(250);
    await dispatcher.drain(1_000);
    expect(batches.map((batch) => batch.length)).toEqual([2, 2, 1]);
  });

  test('a batch that does not arrive is an error of each of its runs', async () => {
    const port = {
      ...functionPort('log', () => undefined),
      invokeBatch: () => Promise.reject(new BulkheadError(ErrorCode.PLUGIN_UNAVAILABLE, 'down')),
    };
    const { dispatcher, records } = testDispatcher([
      entry(port, HOOK, { mode: 'fire_and_forget', batch: { max: 2, maxWaitMs: 10 } }),
    ]);
    await dispatcher.invoke(HOOK, CALL);
    await dispatcher.invoke(HOOK, CALL);
    await dispatcher.drain(1_000);
    expect(records).toMatchObject([{ status: 'error', code: 'PLUGIN_UNAVAILABLE' }, { status: 'error' }]);
  });
});

describe('drain', () => {
  test('returns within its bound when a plugin never ends', async () => {
    const { dispatcher, clock } = testDispatcher([
      entry(
        functionPort('stuck', () => new Promise(() => undefined)),
        HOOK,
        { mode: 'fire_and_forget' },
      ),
    ]);
    await dispatcher.invoke(HOOK, CALL);
    const drained = dispatcher.drain(500);
    clock.advance(500);
    await drained;
    expect(clock.waiting).toBe(0);
  });

  test('returns at once when there is nothing to wait for', async () => {
    const { dispatcher, clock } = testDispatcher([]);
    await dispatcher.drain(500);
    expect(clock.waiting).toBe(0);
  });
});
