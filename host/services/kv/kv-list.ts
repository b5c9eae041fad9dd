import type { Kysely } from 'kysely';
import type { Database } from '../../store/database.js';
import { fromPageToken, toPageToken } from '../page-token.js';
import { afterPrefix } from './byte-order.js';
import { assertItems, assertPrefix, DEFAULT_PAGE_SIZE } from './kv-limits.js';

export interface KvKeyInfo {
  readonly key: string;
  readonly version: number;
  readonly expiresAt: number | null;
  /** Bytes of the value. */
  readonly bytes: number;
}

export interface KvKeyPage {
  readonly keys: readonly KvKeyInfo[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

export interface ListOptions {
  readonly entry: string;
  readonly prefix: string;
  /** 0 is the default. */
  readonly pageSize: number;
  readonly pageToken: string;
  readonly nowMs: number;
}

/** Keys in ascending byte order, without their values. A page begins after the last key of the one before. */
export async function listKeys(db: Kysely<Database>, options: ListOptions): Promise<KvKeyPage> {
  const { entry, prefix, nowMs } = options;
  assertItems('page_size', options.pageSize);
  const pageSize = options.pageSize || DEFAULT_PAGE_SIZE;
  assertPrefix(prefix);
  const after = fromPageToken(options.pageToken);
  const end = afterPrefix(prefix);
  let query = db
    .selectFrom('kv')
    .select(['key', 'version', 'expires_at', 'size', 'number'])
    .where('entry', '=', entry)
    .where('key', '>=', prefix)
    .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', nowMs)]))
    .orderBy('key')
    .limit(pageSize + 1);
  if (after !== '') query = query.where('key', '>', after);
  if (end !== undefined) query = query.where('key', '<', end);
  const rows = await query.execute();
  const keys = rows.slice(0, pageSize).map((row) => ({
    key: row.key,
    version: row.version,
    expiresAt: row.expires_at,
    bytes: row.number === null ? row.size - Buffer.byteLength(row.key) : String(row.number).length,
  }));
  const more = rows.length > pageSize;
  return { keys, nextPageToken: more ? toPageToken(keys.at(-1)?.key ?? '') : '' };
}
