import type { LedgerHost } from './ledger-host.test-support.js';

/** What plugins on several hosts were asked for at once, and what they answered. */
export interface LedgerLoad {
  /** The sums that were answered. */
  readonly sums: readonly number[];
  /** Increments without an answer: each was counted or was not. */
  readonly unanswered: () => number;
  /** By topic the numbers whose event was answered, in order, with the event's id. */
  readonly published: ReadonlyMap<string, ReadonlyMap<number, string>>;
  /** Resolves when so many more increments were answered. */
  moreSums(count: number): Promise<void>;
  /** Resolves when so many events were answered in all. */
  eventsUpTo(count: number): Promise<void>;
  /** Resolves when every topic has its events and the last increment was answered. */
  end(): Promise<void>;
}

export interface LedgerLoadOptions {
  readonly entry: string;
  /** Increments under way at a time on each host. */
  readonly incrementing: number;
  readonly topics: readonly string[];
  /** Every event is published by whichever host answers. */
  readonly eventsOfTopic: number;
}

/** Keeps hosts at work; what one of them does not answer is left to the next. */
export function loadLedgers(hosts: readonly LedgerHost[], options: LedgerLoadOptions): LedgerLoad {
  const { entry, incrementing, topics, eventsOfTopic } = options;
  const sums: number[] = [];
  const published = new Map<string, Map<number, string>>();
  const dead = new Set<LedgerHost>();
  const looks = new Set<() => void>();
  let unanswered = 0;
  let ended = false;

  const progress = (): void => {
    for (const look of looks) look();
  };
  const until = (holds: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!holds()) return;
        looks.delete(look);
        resolve();
      };
      looks.add(look);
      look();
    });
  const events = (): number => [...published.values()].reduce((sum, { size }) => sum + size, 0);

  /** Only a host that died may leave something unanswered. */
  const fail = (host: LedgerHost, error: unknown): void => {
    dead.add(host);
    if (dead.size === hosts.length) throw error;
  };

  const increment = async (host: LedgerHost): Promise<void> => {
    while (!ended && !dead.has(host)) {
      try {
        sums.push(Number(await host.rpc(entry, 'increment')));
      } catch (error) {
        unanswered += 1;
        fail(host, error);
      }
      progress();
    }
  };

  const publish = async (topic: string, first: number): Promise<void> => {
    const ids = new Map<number, string>();
    published.set(topic, ids);
    for (let n = 0; n < eventsOfTopic; ) {
      const [host] = [...hosts.slice(first), ...hosts.slice(0, first)].filter((one) => !dead.has(one));
      if (host === undefined) throw new Error('no host is left');
      try {
        ids.set(n, String(await host.rpc(entry, 'publish', { topic, data: n })));
        progress();
      } catch (error) {
        fail(host, error);
      }
      // What was not answered is published by the caller no more: it may be there.
      n += 1;
    }
  };

  const publishing = Promise.all(topics.map((topic, index) => publish(topic, index % hosts.length)));
  const counting = Promise.all(
    hosts.flatMap((host) => Array.from({ length: incrementing }, () => increment(host))),
  );
  const failed = Promise.all([publishing, counting]);
  // Whoever waits below learns of it.
  failed.catch(() => undefined);
  return {
    sums,
    published,
    unanswered: () => unanswered,
    moreSums(count) {
      const goal = sums.length + count;
      return Promise.race([until(() => sums.length >= goal), failed.then(() => undefined)]);
    },
    eventsUpTo: (count) =>
      Promise.race([until(() => events() >= count), failed.then(() => undefined)]),
    async end() {
      await publishing;
      ended = true;
      await counting;
    },
  };
}
