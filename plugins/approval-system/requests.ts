import { createHash } from 'node:crypto';
import { isBulkheadError, type Kv, type KvEntry, type NewObject } from '@bulkhead/sdk';

/** A data source as somebody asked for it. */
export type AskedDatasource = NewObject<'datasource'>;

/** A request that waits. */
export interface ParkedRequest {
  readonly id: string;
  readonly datasource: AskedDatasource;
  readonly requested_by: string;
  /** ISO 8601. */
  readonly requested_at: string;
  /** Set while somebody's approval is being carried out, in milliseconds since the Unix epoch. */
  readonly approving_since?: number;
}

const DAY_MS = 86_400_000;
/** An approval that was not carried out by then died with its process, and may be given again. */
const APPROVING_MS = 60_000;
const PREFIX = 'pending/';
const ID_CHARS = 16;

/** Requests in the host's key-value store, shared by every process of the plugin. */
export function createRequests(kv: Kv, expireDays: number, now: () => number) {
  const ttl = { ttlMs: expireDays * DAY_MS };
  const keyOf = (id: string): string => `${PREFIX}${id}`;

  return {
    /** Keeps a request; the same one is not kept twice. */
    async park(datasource: AskedDatasource, requestedBy: string): Promise<{ id: string; isNew: boolean }> {
      const id = createHash('sha256').update(canonical(datasource)).digest('hex').slice(0, ID_CHARS);
      const request: ParkedRequest = {
        id,
        datasource,
        requested_by: requestedBy,
        requested_at: new Date(now()).toISOString(),
      };
      try {
        await kv.compareAndSwap(keyOf(id), 0, request, ttl);
        return { id, isNew: true };
      } catch (error) {
        if (isBulkheadError(error) && error.code === 'CONFLICT') return { id, isNew: false };
        throw error;
      }
    },

    /** Oldest first. */
    async list(): Promise<readonly ParkedRequest[]> {
      const keys: string[] = [];
      for await (const { key } of kv.all({ prefix: PREFIX })) keys.push(key);
      const found: ParkedRequest[] = [];
      for (let at = 0; at < keys.length; at += 100) {
        found.push(...(await kv.getMany<ParkedRequest>(keys.slice(at, at + 100))).values());
      }
      return found.toSorted((a, b) => a.requested_at.localeCompare(b.requested_at));
    },

    find: (id: string): Promise<KvEntry<ParkedRequest> | undefined> => kv.getEntry<ParkedRequest>(keyOf(id)),

    /** Takes a request for oneself, so that two who approve at once carry it out once. False: somebody else has it. */
    async claim({ value, version }: KvEntry<ParkedRequest>): Promise<boolean> {
      const { approving_since: since } = value;
      if (since !== undefined && now() - since < APPROVING_MS) return false;
      try {
        await kv.compareAndSwap(keyOf(value.id), version, { ...value, approving_since: now() }, ttl);
        return true;
      } catch (error) {
        if (isBulkheadError(error) && error.code === 'CONFLICT') return false;
        throw error;
      }
    },

    /** Puts a request back that could not be carried out. */
    async release({ approving_since: _since, ...request }: ParkedRequest): Promise<void> {
      await kv.set(keyOf(request.id), request, ttl);
    },

    /** @returns false when it was gone already */
    remove: (id: string): Promise<boolean> => kv.delete(keyOf(id)),
  };
}

/** The same text for the same request, whatever the order of its fields. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}
