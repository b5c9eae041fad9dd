import type { Clock } from '../../clock.js';
import type { Store } from '../../store/store.js';
import type { AuditPendingTable } from '../../store/tables/audit.js';
import { Unchanged } from '../../store/unchanged.js';

/** Entries of a change whose host does not take them into its chain for so long are taken into another host's. */
const GONE_MS = 60_000;
/** Hosts that are looked at in one turn, and entries that one transaction takes over. */
const MAX_HOSTS = 50;
const MAX_ENTRIES = 200;

/** What was taken over from one host. */
export interface TakenOver {
  readonly host: string;
  readonly count: number;
}

/**
 * Takes over what other hosts on the same store committed with their changes and never chained. A host that runs leaves
 * nothing for longer than a sweep takes, so one whose oldest entry stands still by this host's own clock is gone, or
 * cannot write; a writer that comes back meanwhile finds its entries taken, and chains none of them a second time.
 */
export class TakeOver {
  readonly #store: Store;
  readonly #hostId: string;
  readonly #oldest: Unchanged;

  constructor(store: Store, hostId: string, clock: Clock) {
    this.#store = store;
    this.#hostId = hostId;
    this.#oldest = new Unchanged(clock);
  }

  /** What is this host's from now on, by the host whose it was. */
  async look(): Promise<readonly TakenOver[]> {
    const waiting = await this.#store.db
      .selectFrom('audit_pending')
      .select(({ fn }) => ['host', fn.min('id').as('id')])
      .where('host', '!=', this.#hostId)
      .groupBy('host')
      .orderBy('id')
      .limit(MAX_HOSTS)
      .execute();
    this.#oldest.keep(new Set(waiting.map(({ host }) => host)));
    const gone = waiting.filter(({ host, id }) => this.#oldest.forMs(host, String(id)) >= GONE_MS);
    const taken: TakenOver[] = [];
    for (const { host } of gone) {
      let count = 0;
      for (let part = MAX_ENTRIES; part === MAX_ENTRIES; count += part) part = await this.#take(host);
      if (count > 0) taken.push({ host, count });
    }
    return taken;
  }

  #take(host: string): Promise<number> {
    return this.#store.transaction(async (trx) => {
      const rows = await trx
        .selectFrom('audit_pending')
        .selectAll()
        .where('host', '=', host)
        .orderBy('id')
        .limit(MAX_ENTRIES)
        .execute();
      let count = 0;
      for (const row of rows) {
        const moved = await trx
          .updateTable('audit_pending')
          .set({ host: this.#hostId, details: withOrigin(row) })
          .where('id', '=', row.id)
          .where('host', '=', host)
          .returning('id')
          .execute();
        count += moved.length;
      }
      return count;
    });
  }
}

/** The chain says whose host wrote an entry, so its details say on which one it happened. */
function withOrigin({ host, details }: Pick<AuditPendingTable, 'host' | 'details'>): string {
  const before = objectIn(details ?? '{}');
  return JSON.stringify({ ...before, happened_on: 'happened_on' in before ? before.happened_on : host });
}

function objectIn(details: string): object {
  try {
    const known: unknown = JSON.parse(details);
    if (typeof known === 'object' && known !== null) return known;
  } catch {
    // Nothing here writes such a text; it is kept as it stands.
  }
  return { details };
}
