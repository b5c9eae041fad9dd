import type { Clock } from '../../clock.js';
import type { Store } from '../../store/store.js';
import type { KvTable } from '../../store/tables/kv.js';

export type KvRow = Pick<
  KvTable,
  'key' | 'version' | 'expires_at' | 'size' | 'encoding' | 'number' | 'value'
>;

/** Keys of one query. A power of two: see `padded`. */
const MAX_KEYS_PER_QUERY = 128;
/** Queries under way at once; what is asked meanwhile goes with the next. */
const MAX_QUERIES = 4;
/** Larger values are fetched one at a time, so that many reads of large values do not fill the host's memory. */
const MAX_INLINE_BYTES = 16_384;

/** Takes the size of a row before its value is fetched; throws when that is too much. */
type Admit = (bytes: number) => void;

interface Waiter {
  readonly admit: Admit | undefined;
  readonly resolve: (row: KvRow | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** Reads of one entry that wait for the next query, by key. */
type Waiting = Map<string, Waiter[]>;

/** Reads keys. Reads that come together are one query. */
export class KvReads {
  readonly #store: Store;
  readonly #clock: Clock;
  #waiting = new Map<string, Waiting>();
  #queries = 0;
  #flushes = false;
  /** The last read of a large value, by entry. */
  readonly #large = new Map<string, Promise<void>>();

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** The key's row; undefined when there is none, or it has expired. */
  get(entry: string, key: string, admit?: Admit): Promise<KvRow | undefined> {
    return new Promise((resolve, reject) => {
      let waiting = this.#waiting.get(entry);
      if (waiting === undefined) this.#waiting.set(entry, (waiting = new Map()));
      const waiter = { admit, resolve, reject };
      const others = waiting.get(key);
      if (others === undefined) waiting.set(key, [waiter]);
      else others.push(waiter);
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#flushes || this.#queries >= MAX_QUERIES) return;
    this.#flushes = true;
    // After what arrived in the same frame of the link has been taken up.
    setImmediate(() => {
      this.#flushes = false;
      this.#flush();
    });
  }

  /** One query for each entry in turn, so that whoever reads much does not keep the others waiting. */
  #flush(): void {
    for (const [entry, waiting] of this.#waiting) {
      if (this.#queries >= MAX_QUERIES) return;
      const part: Waiting = new Map();
      for (const [key, waiters] of waiting) {
        part.set(key, waiters);
        waiting.delete(key);
        if (part.size === MAX_KEYS_PER_QUERY) break;
      }
      this.#waiting.delete(entry);
      if (waiting.size > 0) this.#waiting.set(entry, waiting);
      this.#queries += 1;
      void this.#query(entry, part);
    }
  }

  async #query(entry: string, asked: Waiting): Promise<void> {
    try {
      const rows = await this.#store.db
        .selectFrom('kv')
        .select((eb) => [
          'key',
          'version',
          'expires_at',
          'size',
          'encoding',
          'number',
          eb.case().when('size', '<=', MAX_INLINE_BYTES).then(eb.ref('value')).else(null).end().as('value'),
        ])
        .where('entry', '=', entry)
        .where('key', 'in', padded([...asked.keys()]))
        .execute();
      const now = this.#clock.now();
      for (const row of rows) {
        const waiters = asked.get(row.key) ?? [];
        asked.delete(row.key);
        if (row.expires_at !== null && row.expires_at <= now) {
          settle(waiters, undefined);
          continue;
        }
        const admitted = waiters.filter((waiter) => admits(waiter, row.size));
        if (row.value !== null || row.number !== null) settle(admitted, row);
        else if (admitted.length > 0) this.#fetchLarge(entry, row.key, admitted);
      }
      for (const waiters of asked.values()) settle(waiters, undefined);
    } catch (error) {
      for (const waiters of asked.values()) for (const { reject } of waiters) reject(error);
    } finally {
      this.#queries -= 1;
      if (this.#waiting.size > 0) this.#schedule();
    }
  }

  #fetchLarge(entry: string, key: string, waiters: readonly Waiter[]): void {
    const before = this.#large.get(entry) ?? Promise.resolve();
    const read = before.then(async () => {
      try {
        const row = await this.#store.db
          .selectFrom('kv')
          .select(['key', 'version', 'expires_at', 'size', 'encoding', 'number', 'value'])
          .where('entry', '=', entry)
          .where('key', '=', key)
          .executeTakeFirst();
        const gone = row === undefined || (row.expires_at !== null && row.expires_at <= this.#clock.now());
        settle(waiters, gone ? undefined : row);
      } catch (error) {
        for (const { reject } of waiters) reject(error);
      }
      if (this.#large.get(entry) === read) this.#large.delete(entry);
    });
    this.#large.set(entry, read);
  }
}

/** One that takes no more is rejected. */
function admits({ admit, reject }: Waiter, bytes: number): boolean {
  try {
    admit?.(bytes);
    return true;
  } catch (error) {
    reject(error);
    return false;
  }
}

function settle(waiters: readonly Waiter[], row: KvRow | undefined): void {
  for (const { resolve } of waiters) resolve(row);
}

/** As many keys as the next power of two, the last one repeated: so there are few different statements to prepare. */
function padded(keys: readonly string[]): string[] {
  let count = 1;
  while (count < keys.length) count *= 2;
  const last = keys.at(-1) ?? '';
  return Array.from({ length: count }, (_, index) => keys[index] ?? last);
}
