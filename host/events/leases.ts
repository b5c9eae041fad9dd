import { randomUUID } from 'node:crypto';
import type { Clock } from '../clock.js';
import type { Logger } from '../telemetry/logger.js';
import type { Store } from '../store/store.js';
import { Unchanged } from '../store/unchanged.js';

export interface Lease {
  readonly name: string;
  /** Fencing: what a holder writes is written only while the lease still has this token. */
  readonly token: number;
  /** Fires when the lease is lost. What it was held for must end then. */
  readonly lost: AbortSignal;
}

export interface LeaseTiming {
  /** A lease that nobody counted up for so long is free. */
  readonly ttlMs: number;
  /** Between two renewals; well below `ttlMs`. */
  readonly renewEveryMs: number;
}

export const LEASE_TIMING: LeaseTiming = { ttlMs: 15_000, renewEveryMs: 4_000 };

interface Held {
  readonly lease: Lease;
  readonly end: AbortController;
}

/**
 * What only one host may do at a time. The holder counts its leases up; another host takes one over when it has seen it stand
 * still for `ttlMs` by its own clock. A holder that could not renew gives up before that.
 */
export class Leases {
  /** Names this run of this host. */
  readonly holder = randomUUID();
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #timing: LeaseTiming;
  readonly #held = new Map<string, Held>();
  /** Those that are being taken, so that one is asked for once. */
  readonly #taking = new Map<string, Promise<Lease | undefined>>();
  readonly #others: Unchanged;
  #renewedMs: number;
  #cancel: () => void = () => {};
  #stopped = false;

  constructor(store: Store, clock: Clock, log: Logger, timing: LeaseTiming = LEASE_TIMING) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
    this.#timing = timing;
    this.#others = new Unchanged(clock);
    this.#renewedMs = clock.monotonic();
  }

  start(): void {
    this.#cancel = this.#clock.after(this.#timing.renewEveryMs, () => {
      void this.#renew().then(() => {
        if (!this.#stopped) this.start();
      });
    });
  }

  /** The lease, when it is free or this host's own already; undefined while another host has it. */
  async acquire(name: string): Promise<Lease | undefined> {
    const own = this.#held.get(name);
    if (own !== undefined) return own.lease;
    if (this.#stopped) return undefined;
    const under = this.#taking.get(name);
    if (under !== undefined) return under;
    const taking = this.#hold(name).finally(() => this.#taking.delete(name));
    this.#taking.set(name, taking);
    return taking;
  }

  async #hold(name: string): Promise<Lease | undefined> {
    const askedMs = this.#clock.monotonic();
    const token = await this.#take(name);
    if (token === undefined) return undefined;
    const end = new AbortController();
    const lease = { name, token, lost: end.signal };
    if (this.#held.size === 0) this.#renewedMs = askedMs;
    this.#held.set(name, { lease, end });
    return lease;
  }

  /** Those that this host has. */
  get held(): readonly Lease[] {
    return [...this.#held.values()].map(({ lease }) => lease);
  }

  /** Leaves it to others at once. */
  async release(lease: Lease): Promise<void> {
    if (this.#held.get(lease.name)?.lease === lease) this.#held.delete(lease.name);
    await this.#store.db
      .updateTable('leases')
      .set({ holder: '' })
      .where('name', '=', lease.name)
      .where('token', '=', lease.token)
      .execute();
  }

  /** Releases everything. Never rejects: what cannot be released runs out. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    this.#held.clear();
    try {
      await this.#store.db
        .updateTable('leases')
        .set({ holder: '' })
        .where('holder', '=', this.holder)
        .execute();
    } catch (error) {
      this.#log.warn({ err: error }, 'leases could not be released; they run out');
    }
  }

  async #take(name: string): Promise<number | undefined> {
    const { db } = this.#store;
    const found = await db.selectFrom('leases').selectAll().where('name', '=', name).executeTakeFirst();
    if (found === undefined) {
      const made = await db
        .insertInto('leases')
        .values({ name, holder: this.holder, token: 1, beat: 0 })
        .onConflict((conflict) => conflict.column('name').doNothing())
        .returning('token')
        .executeTakeFirst();
      return made?.token;
    }
    const { holder, token, beat } = found;
    // This host's own, and not held: it was lost, or the answer was.
    const left = holder === '' || holder === this.holder;
    const free = left || this.#others.forMs(name, `${token}/${beat}`) >= this.#timing.ttlMs;
    if (!free) return undefined;
    const taken = await db
      .updateTable('leases')
      .set({ holder: this.holder, token: token + 1, beat: 0 })
      .where('name', '=', name)
      .where('token', '=', token)
      .where('beat', '=', beat)
      .where('holder', '=', holder)
      .returning('token')
      .executeTakeFirst();
    return taken?.token;
  }

  /** One statement for all. */
  async #renew(): Promise<void> {
    if (this.#held.size === 0) return;
    const askedMs = this.#clock.monotonic();
    const before = [...this.#held.values()];
    try {
      const rows = await this.#store.db
        .updateTable('leases')
        .set((eb) => ({ beat: eb('beat', '+', 1) }))
        .where('holder', '=', this.holder)
        // One that it does not know that it has must run out.
        .where(
          'name',
          'in',
          before.map(({ lease }) => lease.name),
        )
        .returning(['name', 'token'])
        .execute();
      const tokens = new Map(rows.map(({ name, token }) => [name, token]));
      for (const held of before) if (tokens.get(held.lease.name) !== held.lease.token) this.#lose(held);
      this.#renewedMs = askedMs;
    } catch (error) {
      this.#log.warn({ err: error }, 'leases could not be renewed');
      // Another host may take them at the end of this time; the work must have ended by then.
      const left = this.#renewedMs + this.#timing.ttlMs - this.#clock.monotonic();
      if (left <= this.#timing.renewEveryMs) for (const held of before) this.#lose(held);
    }
  }

  #lose(held: Held): void {
    if (this.#held.get(held.lease.name) !== held) return;
    this.#held.delete(held.lease.name);
    held.end.abort();
  }
}
