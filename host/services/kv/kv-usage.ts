import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Clock } from '../../clock.js';
import type { Store } from '../../store/store.js';
import type { KvQuota } from './kv-limits.js';

/** What one entry keeps is counted anew this long after the last count, when it writes: other hosts may have written too. */
const RECOUNT_AFTER_MS = 60_000;
/** And at most this often when it is at its quota. */
const RECOUNT_AT_QUOTA_MS = 1_000;

export interface KvAmount {
  readonly bytes: number;
  readonly keys: number;
}

interface Account {
  /** What is kept. */
  bytes: number;
  keys: number;
  /** What writes under way may add to it. */
  reserved: KvAmount;
  /** Monotonic; -Infinity when nobody counted, or a write ended nobody knows how. */
  countedMs: number;
  counting: Promise<void> | undefined;
  /** Writes that are under way. */
  pending: number;
  /** To be told when one of them ends. */
  waiting: (() => void)[];
}

/**
 * What each entry keeps, in memory, so that no write has to count. Exact for one host; what other hosts on the store write
 * is known a minute later.
 */
export class KvUsage {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #quota: () => KvQuota;
  readonly #accounts = new Map<string, Account>();

  constructor(store: Store, clock: Clock, quota: () => KvQuota) {
    this.#store = store;
    this.#clock = clock;
    this.#quota = quota;
  }

  /**
   * Makes room for a write before it is made.
   *
   * @param most what it adds at most
   * @param replaced what it would replace; asked only near the quota
   * @returns to be called once with what it added, or with nothing when that is not known
   * @throws QUOTA_EXCEEDED
   */
  async reserve(
    entry: string,
    most: KvAmount,
    replaced: () => Promise<KvAmount>,
  ): Promise<(added?: KvAmount) => void> {
    const account = await this.#account(entry);
    if (!this.#fits(account, most)) await this.#makeRoom(entry, account, most, replaced);
    account.pending += 1;
    account.reserved = plus(account.reserved, most);
    return (added) => {
      account.pending -= 1;
      account.reserved = plus(account.reserved, minus(most));
      if (added === undefined) account.countedMs = -Infinity;
      else Object.assign(account, plus(account, added));
      for (const wake of account.waiting.splice(0)) wake();
    };
  }

  /** What went without a write that was reserved. */
  release(entry: string, gone: KvAmount): void {
    const account = this.#accounts.get(entry);
    if (account !== undefined) Object.assign(account, plus(account, minus(gone)));
  }

  /** Everything that the entry kept is gone. */
  forget(entry: string): void {
    this.#accounts.delete(entry);
  }

  async #account(entry: string): Promise<Account> {
    let account = this.#accounts.get(entry);
    if (account === undefined) {
      account = {
        bytes: 0,
        keys: 0,
        reserved: { bytes: 0, keys: 0 },
        countedMs: -Infinity,
        counting: undefined,
        pending: 0,
        waiting: [],
      };
      this.#accounts.set(entry, account);
    }
    if (account.countedMs === -Infinity) await this.#count(entry, account);
    else if (this.#clock.monotonic() - account.countedMs > RECOUNT_AFTER_MS) {
      // This write does not wait for it; a store that fails shows in the write itself.
      this.#count(entry, account).catch(() => undefined);
    }
    return account;
  }

  #fits({ bytes, keys, reserved }: Account, add: KvAmount): boolean {
    const { maxBytes, maxKeys } = this.#quota();
    return (
      (add.bytes <= 0 || bytes + reserved.bytes + add.bytes <= maxBytes) &&
      (add.keys <= 0 || keys + reserved.keys + add.keys <= maxKeys)
    );
  }

  async #makeRoom(
    entry: string,
    account: Account,
    most: KvAmount,
    replaced: () => Promise<KvAmount>,
  ): Promise<void> {
    for (;;) {
      const added = plus(most, minus(await replaced()));
      if (this.#fits(account, added)) return;
      if (account.pending > 0) {
        // What is under way may add less than it reserved: it may write the same key.
        await new Promise<void>((resolve) => account.waiting.push(resolve));
        continue;
      }
      if (this.#clock.monotonic() - account.countedMs >= RECOUNT_AT_QUOTA_MS) {
        await this.#dropExpired(entry);
        await this.#count(entry, account);
        continue;
      }
      const { maxBytes, maxKeys } = this.#quota();
      throw new BulkheadError(
        ErrorCode.QUOTA_EXCEEDED,
        account.keys + added.keys > maxKeys
          ? `plugin '${entry}' may keep ${maxKeys} keys, and keeps ${account.keys}. Delete some.`
          : `plugin '${entry}' may keep ${maxBytes} bytes and keeps ${account.bytes}; this would add ${added.bytes}. Delete some keys.`,
      );
    }
  }

  /** The sweeper would do it a little later. */
  async #dropExpired(entry: string): Promise<void> {
    await this.#store.db
      .deleteFrom('kv')
      .where('entry', '=', entry)
      .where('expires_at', '<=', this.#clock.now())
      .execute();
  }

  #count(entry: string, account: Account): Promise<void> {
    account.counting ??= (async () => {
      try {
        const { bytes, keys } = await this.#store.db
          .selectFrom('kv')
          .select(({ fn }) => [fn.sum<number | null>('size').as('bytes'), fn.countAll<number>().as('keys')])
          .where('entry', '=', entry)
          .executeTakeFirstOrThrow();
        account.bytes = Number(bytes ?? 0);
        account.keys = Number(keys);
        account.countedMs = this.#clock.monotonic();
      } finally {
        account.counting = undefined;
      }
    })();
    return account.counting;
  }
}

function plus(one: KvAmount, other: KvAmount): KvAmount {
  return { bytes: one.bytes + other.bytes, keys: one.keys + other.keys };
}

function minus({ bytes, keys }: KvAmount): KvAmount {
  return { bytes: -bytes, keys: -keys };
}
