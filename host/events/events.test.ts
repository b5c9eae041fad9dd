import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { DeliverEventsRequest, DeliverEventsResponse, type Event } from '@bulkhead/proto/plugin';
import { FakeClock } from '../clock.test-support.js';
import type { PortOptions } from '../lifecycle/serving-process.js';
import { describeEachStore } from '../store/each-store.test-support.js';
import { Leases } from './leases.js';
import type { Store } from '../store/store.js';
import { HOST_ACTOR, NO_AUDIT } from '../telemetry/audit.js';
import { createSilentLogger } from '../telemetry/logger.js';
import type { EventReceiver } from './delivery.js';
import { createEvents, type Events } from './events.js';
import type { BacklogBound } from './trim.js';

const LEASE_TTL_MS = 15_000;

/** A plugin that takes events, or does not. */
class Plugin implements EventReceiver {
  readonly name: string;
  readonly requests: DeliverEventsRequest[] = [];
  serving = true;
  /** Rejects to refuse. */
  take: (request: DeliverEventsRequest, signal?: AbortSignal) => Promise<void> = () => Promise.resolve();

  constructor(name: string) {
    this.name = name;
  }

  get port(): EventReceiver['port'] {
    return {
      serving: this.serving,
      call: async (path: string, body: Uint8Array, { signal }: PortOptions) => {
        expect(path).toBe('/bulkhead.plugin.v1.EventService/DeliverEvents');
        const request = DeliverEventsRequest.decode(body);
        await this.take(request, signal);
        this.requests.push(request);
        return DeliverEventsResponse.encode({}).finish();
      },
    };
  }

  get events(): readonly Event[] {
    return this.requests.flatMap(({ events }) => events);
  }

  get data(): readonly unknown[] {
    return this.events.map(({ dataJson }) => JSON.parse(dataJson));
  }
}

describeEachStore('events', (the) => {
  let clock: FakeClock;
  let store: Store;
  let started: Events[];
  let bound: BacklogBound;
  const plugin = (name = 'p'): Plugin => new Plugin(name);

  /** One more host on the same store. */
  const host = async (...plugins: readonly Plugin[]): Promise<Events> => hostBy(clock, ...plugins);
  const hostBy = async (clock: FakeClock, ...plugins: readonly Plugin[]): Promise<Events> => {
    const own = await the.open();
    const log = createSilentLogger();
    const leases = new Leases(own, clock, log, { ttlMs: LEASE_TTL_MS, renewEveryMs: 4_000 });
    const events = createEvents({
      store: own,
      clock,
      log,
      leases,
      audit: NO_AUDIT,
      receivers: () => plugins,
      bound: () => bound,
    });
    started.push(events);
    events.start();
    return events;
  };
  const subscribe = async (events: Events, pattern: string, entry = 'p') =>
    events.subscriptions.subscribe(entry, pattern, HOST_ACTOR);
  const publish = async (events: Events, n: number, topic = 'com.example.a') =>
    events.outbox.publish({ topic, dataJson: JSON.stringify(n) });
  const backlog = async (): Promise<number> =>
    (await store.db.selectFrom('event_backlog').select('seq').execute()).length;
  const until = async (condition: () => boolean | Promise<boolean>): Promise<void> =>
    expect.poll(condition, { interval: 5, timeout: 10_000 }).toBe(true);
  /** Time passes, for hosts that wait for each other, until it is so. */
  const untilLater = async (condition: () => boolean | Promise<boolean>): Promise<void> =>
    until(async () => {
      clock.advance(500);
      return condition();
    });

  beforeEach(async () => {
    clock = new FakeClock();
    started = [];
    bound = { maxBacklog: 1_000, maxBacklogBytes: 1_000_000 };
    store = await the.open();
  });
  afterEach(async () => {
    for (const events of started) await events.stop();
  });

  describe('delivery', () => {
    test('brings what fits the pattern, with id, topic and time, and forgets what was answered', async () => {
      const p = plugin();
      const events = await host(p);
      await subscribe(events, 'com.example.*');
      const id = await publish(events, 1);
      await publish(events, 2, 'com.other.a');
      await until(() => p.events.length === 1);
      expect(p.requests).toEqual([
        {
          pattern: 'com.example.*',
          dropped: 0n,
          events: [{ id, topic: 'com.example.a', dataJson: '1', atMs: BigInt(clock.now()) }],
        },
      ]);
      await until(async () => (await backlog()) === 0);
    });

    test('keeps the order in which events were published, without waiting for each', async () => {
      const p = plugin();
      const events = await host(p);
      await subscribe(events, '**');
      const numbers = Array.from({ length: 500 }, (_, n) => n);
      await Promise.all(numbers.map(async (n) => publish(events, n)));
      await until(() => p.events.length === numbers.length);
      expect(p.data).toEqual(numbers);
      expect(p.requests.length).toBeLessThan(50);
    });

    test('an event that stands or falls with a change is brought when it stands', async () => {
      const p = plugin();
      const events = await host(p);
      await subscribe(events, 'system.llm.*');
      const change = async (n: number, fail: boolean): Promise<void> => {
        await store.transaction(async (trx) => {
          await events.outbox.append(trx, { topic: 'system.llm.created', dataJson: String(n) });
          if (fail) throw new Error('the change is taken back');
        });
        events.outbox.wake();
      };
      await expect(change(1, true)).rejects.toThrow('taken back');
      await change(2, false);
      await until(() => p.events.length > 0);
      expect(p.data).toEqual([2]);
    });

    test('an event that nobody wants is kept nowhere', async () => {
      const events = await host();
      await publish(events, 1);
      expect(await backlog()).toBe(0);
    });

    test('what was published before a subscription is not brought', async () => {
      const p = plugin();
      const events = await host(p);
      await publish(events, 1);
      await subscribe(events, '**');
      await publish(events, 2);
      await until(() => p.events.length > 0);
      expect(p.data).toEqual([2]);
    });

    test('an error brings the same events again, later each time, the good ones first', async () => {
      const p = plugin();
      const seen: unknown[] = [];
      let poisoned = true;
      p.take = async ({ events }) => {
        const data = events.map(({ dataJson }) => dataJson);
        seen.push(data);
        if (poisoned && data.includes('3')) throw new BulkheadError(ErrorCode.PLUGIN_ERROR, 'no');
        return Promise.resolve();
      };
      p.serving = false;
      const events = await host(p);
      await subscribe(events, '**');
      for (const n of [1, 2, 3, 4]) await publish(events, n);
      p.serving = true;
      events.rewire();
      await until(() => seen.length === 1);
      clock.advance(200);
      await until(() => seen.length === 3);
      clock.advance(200);
      await until(() => seen.length === 5);
      expect(seen).toEqual([['1', '2', '3', '4'], ['1'], ['2', '3'], ['2'], ['3', '4']]);
      // Again and again, ever later.
      clock.advance(200);
      await until(() => seen.length === 6);
      clock.advance(399);
      expect(seen).toHaveLength(6);
      poisoned = false;
      await untilLater(() => p.events.length === 4);
      expect(p.data).toEqual([1, 2, 3, 4]);
    });

    test('a plugin that is down keeps its backlog, over a restart of the host too', async () => {
      const down = plugin();
      down.serving = false;
      const first = await host(down);
      await subscribe(first, '**');
      await publish(first, 1);
      await first.stop();
      const up = plugin();
      const second = await host(up);
      await publish(second, 2);
      await until(() => up.events.length === 2);
      expect(up.data).toEqual([1, 2]);
    });

    test('a subscription that fails holds up no other', async () => {
      const bad = plugin('bad');
      const good = plugin('good');
      bad.take = () => Promise.reject(new BulkheadError(ErrorCode.PLUGIN_ERROR, 'no'));
      const events = await host(bad, good);
      await subscribe(events, '**', 'bad');
      await subscribe(events, '**', 'good');
      for (const n of [1, 2, 3]) await publish(events, n);
      await until(() => good.events.length === 3);
    });
  });

  describe('subscriptions', () => {
    test('asking twice is one; ending it takes what waits along', async () => {
      const p = plugin();
      p.serving = false;
      const events = await host(p);
      await subscribe(events, '**');
      await subscribe(events, '**');
      await publish(events, 1);
      expect(await events.subscriptions.list()).toMatchObject([{ plugin: 'p', pattern: '**', backlog: 1 }]);
      await events.subscriptions.unsubscribe('p', '**', HOST_ACTOR);
      expect(await events.subscriptions.list('p')).toEqual([]);
      expect(await backlog()).toBe(0);
    });

    test('a plugin has a bounded number of them', async () => {
      const events = await host();
      for (let n = 0; n < 32; n += 1) await subscribe(events, `a.b${n}`);
      await subscribe(events, 'a.b0');
      await expect(subscribe(events, 'a.c')).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
    });

    test('nor more when it asks for many at once', async () => {
      const events = await host();
      await Promise.allSettled(Array.from({ length: 40 }, async (_, n) => subscribe(events, `a.b${n}`)));
      expect((await events.subscriptions.list('p')).length).toBeLessThanOrEqual(32);
    });

    test.each(['', 'a..b', '**.a'])('refuses the pattern %j', async (pattern) => {
      const events = await host();
      await expect(subscribe(events, pattern)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    });
  });

  describe('the bound of a backlog', () => {
    test('the oldest go, and the plugin is told how many with the next that come', async () => {
      bound = { maxBacklog: 3, maxBacklogBytes: 1_000 };
      const p = plugin();
      p.serving = false;
      const events = await host(p);
      await subscribe(events, '**');
      for (const n of [1, 2, 3, 4, 5]) await publish(events, n);
      await untilLater(async () => (await backlog()) === 3);
      p.serving = true;
      events.rewire();
      await until(() => p.events.length === 3);
      expect(p.data).toEqual([3, 4, 5]);
      expect(p.requests[0]?.dropped).toBe(2n);
      await publish(events, 6);
      await until(() => p.events.length === 4);
      expect(p.requests.at(-1)?.dropped).toBe(0n);
      expect(await events.subscriptions.list()).toMatchObject([{ dropped: 2 }]);
    });

    test('subscribing again tells it too, once', async () => {
      bound = { maxBacklog: 10, maxBacklogBytes: 10 };
      const p = plugin();
      p.serving = false;
      const events = await host(p);
      await subscribe(events, '**');
      for (const n of [11_111, 22_222, 33_333]) await publish(events, n);
      await untilLater(async () => (await backlog()) === 2);
      expect(await subscribe(events, '**')).toEqual({ dropped: 1 });
      expect(await subscribe(events, '**')).toEqual({ dropped: 0 });
    });
  });

  describe('publishing', () => {
    test.each([
      ['a topic that is none', 'a b', '1'],
      ['data that is no JSON', 'a.b', '{'],
      ['data that is too large', 'a.b', JSON.stringify('x'.repeat(65_536))],
    ])('refuses %s', async (_what, topic, dataJson) => {
      const events = await host();
      await expect(events.outbox.publish({ topic, dataJson })).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
      });
    });
  });

  describe('two hosts on one store', () => {
    test('one of them brings each event, once', async () => {
      const here = plugin();
      const there = plugin();
      const one = await host(here);
      const other = await host(there);
      await subscribe(one, '**');
      const numbers = Array.from({ length: 200 }, (_, n) => n);
      await Promise.all(numbers.map(async (n) => publish(n % 2 === 0 ? one : other, n)));
      await untilLater(async () => (await backlog()) === 0);
      const got = [...here.data, ...there.data].map(Number);
      expect(got.toSorted((a, b) => a - b)).toEqual(numbers);
      expect(Math.min(here.events.length, there.events.length)).toBe(0);
    });

    test('a host whose plugin is down leaves it to the other', async () => {
      const here = plugin();
      const there = plugin();
      const one = await host(here);
      await host(there);
      await subscribe(one, '**');
      await publish(one, 1);
      await until(() => here.events.length + there.events.length === 1);
      const [had, other] = here.events.length === 1 ? [here, there] : [there, here];
      had.serving = false;
      await publish(one, 2);
      await untilLater(() => other.data.includes(2));
    });

    test('a host that died is followed by the other; its late answer acknowledges nothing', async () => {
      const here = plugin();
      const there = plugin();
      const waiting = new Map<Plugin, () => void>();
      for (const p of [here, there])
        p.take = async () =>
          new Promise((resolve) => {
            waiting.set(p, resolve);
          });
      // Its time stands still: it counts its lease up no more, as if it were dead.
      const one = await hostBy(new FakeClock(), here);
      await subscribe(one, '**');
      await publish(one, 1);
      await until(() => waiting.has(here));
      await host(there);
      await untilLater(() => waiting.has(there));
      here.take = () => Promise.resolve();
      waiting.get(here)?.();
      await one.stop();
      expect(here.data).toEqual([1]);
      expect(await backlog()).toBe(1);
      waiting.get(there)?.();
      await until(async () => (await backlog()) === 0);
    });
  });
});
