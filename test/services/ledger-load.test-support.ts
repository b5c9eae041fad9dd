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
  /** Half of the topics are published by the host that dies, as long as it lives. */
  readonly eventsOfTopic: number;
}

/** Keeps two hosts at work. The one that dies may leave something unanswered; an error of the other fails the load. */
export function loadLedgers(
  { victim, survivor }: { readonly victim: LedgerHost; readonly survivor: LedgerHost },
  { entry, incrementing, topics, eventsOfTopic }: LedgerLoadOptions,
): LedgerLoad {
  const sums: number[] = [];
  const published = new Map<string, Map<number, string>>();
  const looks = new Set<() => void>();
  let unanswered = 0;
  let died = false;
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

  /** @returns undefined when the host died */
  const ask = async (host: LedgerHost, method: string, input?: object): Promise<unknown> => {
    try {
      return await host.rpc(entry, method, input);
    } catch (error) {
      if (host !== victim) throw error;
      died = true;
      return undefined;
    }
  };

  const increment = async (host: LedgerHost): Promise<void> => {
    while (!ended && !(died && host === victim)) {
      const sum = await ask(host, 'increment');
      if (sum === undefined) unanswered += 1;
      else sums.push(Number(sum));
      progress();
    }
  };

  /** Nobody publishes again what was not answered: it may be there. */
  const publish = async (topic: string, first: LedgerHost): Promise<void> => {
    const ids = new Map<number, string>();
    published.set(topic, ids);
    for (let n = 0; n < eventsOfTopic; n += 1) {
      const id = await ask(died ? survivor : first, 'publish', { topic, data: n });
      if (id !== undefined) ids.set(n, String(id));
      progress();
    }
  };

  const hosts = [victim, survivor];
  const publishing = Promise.all(
    topics.map((topic, index) => publish(topic, index % 2 === 0 ? victim : survivor)),
  );
  const counting = Promise.all(
    hosts.flatMap((host) => Array.from({ length: incrementing }, () => increment(host))),
  );
  const all = Promise.all([publishing, counting]).then(() => undefined);
  // Whoever waits below learns of it.
  all.catch(() => undefined);
  return {
    sums,
    published,
    unanswered: () => unanswered,
    moreSums(count) {
      const goal = sums.length + count;
      return Promise.race([until(() => sums.length >= goal), all]);
    },
    eventsUpTo: (count) => Promise.race([until(() => events() >= count), all]),
    async end() {
      await publishing;
      ended = true;
      await counting;
    },
  };
}
