import { describe, expect, test } from 'vitest';
import { FakeClock } from '../clock.test-support.js';
import { testDispatcher } from './dispatcher.test-support.js';
import { deny, functionPort, registration, type Handler } from './function-port.test-support.js';
import { StateStore } from './state-store.js';
import type { Mode } from '../manifest/manifest.js';

const PRE = 'tool_pre_invoke';
const POST = 'tool_post_invoke';
const pre = { name: 'echo', args: {} };
const post = { name: 'echo', result: 1 };

const both = (name: string, handler: Handler, mode: Mode = 'sequential') => ({
  port: functionPort(name, handler),
  registrations: [registration(PRE, { mode }), registration(POST, { mode })],
});

describe('ctx.state', () => {
  const tracker = (seen: unknown[], mode?: Mode) =>
    both(
      'tracker',
      ({ hook, request }) => {
        seen.push(request.state);
        return hook === PRE ? { state: { started: 12 } } : undefined;
      },
      mode,
    );

  test('is not that of a request of the same id in another scope, nor ends with it', async () => {
    const seen: unknown[] = [];
    const { dispatcher } = testDispatcher([tracker(seen)]);
    const one = { requestId: 'r', stateScope: 'one' };
    await dispatcher.invoke(PRE, pre, one);
    await dispatcher.invoke(POST, post, { requestId: 'r', stateScope: 'two' });
    dispatcher.endRequest('r', 'two');
    dispatcher.endRequest('r');
    await dispatcher.invoke(POST, post, one);
    dispatcher.endRequest('r', 'one');
    await dispatcher.invoke(POST, post, one);
    expect(seen).toEqual([{}, {}, { started: '12' }, {}]);
  });

  test.each(['sequential', 'transform', 'audit', 'concurrent', 'fire_and_forget'] as const)(
    'lives from hook to hook of one request in %s, private to the plugin',
    async (mode) => {
      const seen: unknown[] = [];
      const others: unknown[] = [];
      const { dispatcher } = testDispatcher([
        tracker(seen, mode),
        both('other', ({ request }) => void others.push(request.state)),
      ]);
      await dispatcher.invoke(PRE, pre, { requestId: 'r' });
      await dispatcher.drain(1_000);
      await dispatcher.invoke(POST, post, { requestId: 'r' });
      await dispatcher.invoke(POST, post, { requestId: 'another' });
      await dispatcher.drain(1_000);
      expect(seen).toEqual([{}, { started: '12' }, {}]);
      expect(others).toEqual([{}, {}, {}]);
    },
  );

  test('ends with the outermost answer', async () => {
    const seen: unknown[] = [];
    const { dispatcher } = testDispatcher([tracker(seen)]);
    await dispatcher.invoke(PRE, pre, { requestId: 'r' });
    dispatcher.endRequest('r');
    await dispatcher.invoke(POST, post, { requestId: 'r' });
    expect(seen).toEqual([{}, {}]);
  });

  test('ends after state_ttl_ms without use', async () => {
    const seen: unknown[] = [];
    const { dispatcher, clock } = testDispatcher([tracker(seen)], { limits: { stateTtlMs: 1_000 } });
    await dispatcher.invoke(PRE, pre, { requestId: 'r' });
    clock.advance(999);
    await dispatcher.invoke(POST, post, { requestId: 'r' });
    clock.advance(1);
    await dispatcher.invoke(POST, post, { requestId: 'r' });
    expect(seen).toEqual([{}, { started: '12' }, {}]);
  });

  test('an entry is removed, others stay; a plugin that denies keeps its state too', async () => {
    const seen: unknown[] = [];
    const { dispatcher } = testDispatcher([
      both('a', ({ hook, request }) => {
        seen.push(request.state);
        return hook === PRE ? { ...deny('NO'), state: { one: 1, two: 2 } } : { state: { one: undefined } };
      }),
    ]);
    await dispatcher.invoke(PRE, pre, { requestId: 'r' });
    await dispatcher.invoke(POST, post, { requestId: 'r' });
    await dispatcher.invoke(POST, post, { requestId: 'r' });
    expect(seen).toEqual([{}, { one: '1', two: '2' }, { two: '2' }]);
  });

  test('stays for background runs that are still to come when the request ends', async () => {
    const release = Promise.withResolvers<void>();
    const seen: unknown[] = [];
    const { dispatcher } = testDispatcher([
      both(
        'logger',
        async ({ hook, request }) => {
          if (hook === PRE) {
            await release.promise;
            return { state: { pre: true } };
          }
          seen.push(request.state);
          return undefined;
        },
        'fire_and_forget',
      ),
    ]);
    await dispatcher.invoke(PRE, pre, { requestId: 'r' });
    dispatcher.endRequest('r');
    release.resolve();
    await dispatcher.drain(1_000);
    await dispatcher.invoke(POST, post, { requestId: 'r' });
    await dispatcher.drain(1_000);
    expect(seen).toEqual([{}]);
  });
});

describe('ctx.shared', () => {
  test.each([
    ['sequential', true],
    ['transform', true],
    ['concurrent', true],
    ['audit', false],
  ] as const)(
    'what a %s plugin shares is visible to later plugins of the request: %s',
    async (mode, visible) => {
      const seen: unknown[] = [];
      const { dispatcher } = testDispatcher([
        both('writer', ({ hook }) => (hook === PRE ? { shared: { verdict: 'ok' } } : undefined), mode),
        both('reader', ({ hook, request }) => {
          if (hook === POST) seen.push(request.shared);
          return undefined;
        }),
      ]);
      await dispatcher.invoke(PRE, pre, { requestId: 'r' });
      await dispatcher.invoke(POST, post, { requestId: 'r' });
      expect(seen).toEqual([visible ? { verdict: '"ok"' } : {}]);
    },
  );

  test('within one hook too', async () => {
    const seen: unknown[] = [];
    const { dispatcher } = testDispatcher([
      both('writer', () => ({ shared: { a: [1] } })),
      both('reader', ({ request }) => void seen.push(request.shared)),
    ]);
    await dispatcher.invoke(PRE, pre);
    expect(seen).toEqual([{ a: '[1]' }]);
  });
});

describe('metadata', () => {
  test('is kept per plugin, so equal keys both survive', async () => {
    const { dispatcher } = testDispatcher([
      both('a', () => ({ metadata: { score: 1, big: { n: [1] } } })),
      both('b', () => ({ metadata: { score: 2 } }), 'concurrent'),
      both('c', () => ({ metadata: { score: 3 } }), 'audit'),
    ]);
    expect((await dispatcher.invoke(PRE, pre)).metadata).toEqual({
      a: { score: 1, big: { n: [1] } },
      b: { score: 2 },
      c: { score: 3 },
    });
  });

  test.each(['bulkhead.verdict', 'plugin:other', '__proto__'])(
    'the reserved key %s is refused and recorded',
    async (key) => {
      const { dispatcher } = testDispatcher([
        both('a', () => ({
          metadata: Object.fromEntries([
            [key, 1],
            ['mine', 2],
          ]),
        })),
      ]);
      const result = await dispatcher.invoke(PRE, pre);
      expect(result.metadata).toEqual({ a: { mine: 2 } });
      expect(result.records).toMatchObject([{ dropped: [`metadata.${key}`] }]);
    },
  );
});

describe('the store', () => {
  const open = (limits: Partial<ConstructorParameters<typeof StateStore>[1]> = {}) => {
    const clock = new FakeClock();
    return { clock, store: new StateStore(clock, { ttlMs: 1_000, ...limits }) };
  };

  test('holds nothing for a request that writes nothing', () => {
    const { store } = open();
    store.write('r', 'a', {}, {});
    expect(store.size).toBe(0);
  });

  test('drops what expired at the next write', () => {
    const { store, clock } = open();
    store.write('old', 'a', { x: '1' }, {});
    clock.advance(500);
    store.write('young', 'a', { x: '1' }, {});
    clock.advance(500);
    store.write('new', 'a', { x: '1' }, {});
    expect([store.size, store.state('old', 'a'), store.state('young', 'a')]).toEqual([2, {}, { x: '1' }]);
  });

  test('at its bound in requests or bytes the longest idle one goes', () => {
    const { store } = open({ maxRequests: 2, maxBytes: 320 });
    for (const id of ['a', 'b']) store.write(id, 'p', { x: '1' }, {});
    store.write('a', 'p', { y: '1' }, {});
    store.write('c', 'p', { x: '1' }, {});
    expect([store.state('a', 'p'), store.state('b', 'p'), store.evicted]).toEqual([
      { x: '1', y: '1' },
      {},
      1,
    ]);
    store.write('c', 'p', { x: '1'.repeat(218) }, {});
    expect([store.size, store.state('a', 'p')]).toEqual([1, {}]);
  });

  test('a request that would hold too much keeps what it had', () => {
    const { store } = open({ maxBytesPerRequest: 210 });
    store.write('r', 'p', { x: '1234' }, {});
    expect(() => {
      store.write('r', 'q', {}, { y: '123456' });
    }).toThrow(expect.objectContaining({ code: 'INVALID_ANSWER' }));
    expect([store.state('r', 'p'), store.shared('r')]).toEqual([{ x: '1234' }, {}]);
  });

  test('many tiny entries count for what they cost, not only for their texts', () => {
    const { store } = open();
    const tiny = Object.fromEntries(Array.from({ length: 100_000 }, (_, n) => [n.toString(36), '1']));
    expect(() => {
      store.write('r', 'p', tiny, {});
    }).toThrow(expect.objectContaining({ code: 'INVALID_ANSWER' }));
  });

  test('what a running call holds does not change under it', () => {
    const { store } = open();
    store.write('r', 'p', { x: '1' }, {});
    const held = store.state('r', 'p');
    store.write('r', 'p', { x: '2', __proto__x: '3' }, {});
    expect([held, store.state('r', 'p')]).toEqual([{ x: '1' }, { x: '2', __proto__x: '3' }]);
  });
});
