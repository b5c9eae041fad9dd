import { randomUUID } from 'node:crypto';
import type { Kv } from '@bulkhead/sdk';

/** What became of a request. */
export interface TrailEntry {
  /** ISO 8601. */
  readonly at: string;
  readonly action: 'requested' | 'approved' | 'rejected' | 'failed';
  readonly id: string;
  /** Who did it. */
  readonly by: string;
  readonly name: string;
  readonly reason?: string;
  readonly datasource_id?: string;
}

const DAY_MS = 86_400_000;
const PREFIX = 'trail/';
/** Entries that one answer holds; the newest. */
const MAX_ENTRIES = 1_000;

/** Who asked for what and who decided, one key an entry, so that nobody writes over anybody's. */
export function createTrail(kv: Kv, keepDays: number, now: () => number) {
  return {
    async add(entry: Omit<TrailEntry, 'at'>): Promise<void> {
      const at = new Date(now()).toISOString();
      // The time first: keys sort as the entries came.
      await kv.set(`${PREFIX}${at}/${randomUUID()}`, { at, ...entry }, { ttlMs: keepDays * DAY_MS });
    },

    /** Oldest first. @param id only of this request */
    async read(id?: string): Promise<readonly TrailEntry[]> {
      const keys: string[] = [];
      for await (const { key } of kv.all({ prefix: PREFIX, pageSize: 1_000 })) keys.push(key);
      const entries: TrailEntry[] = [];
      for (let at = 0; at < keys.length; at += 100) {
        const page = await kv.getMany<TrailEntry>(keys.slice(at, at + 100));
        entries.push(...[...page.values()].filter((entry) => id === undefined || entry.id === id));
      }
      return entries.toSorted((a, b) => a.at.localeCompare(b.at)).slice(-MAX_ENTRIES);
    },
  };
}
