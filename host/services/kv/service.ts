import {
  BatchRequest,
  BatchResponse,
  CompareAndSwapRequest,
  CompareAndSwapResponse,
  GetManyRequest,
  GetManyResponse,
  IncrementRequest,
  IncrementResponse,
  KvServiceDefinition,
  KvServiceDeleteRequest,
  KvServiceDeleteResponse,
  KvServiceGetRequest,
  KvServiceGetResponse,
  KvServiceListRequest,
  KvServiceListResponse,
  SetRequest,
  SetResponse,
  encodeMessage,
  type KvEntry,
  type KvWrite,
} from '@bulkhead/proto/host';
import { createHostMethods, type HostMethod } from '../../sidecar/host-method.js';
import { countItems } from './count-items.js';
import type { Kv, KvChange, KvSet } from './kv.js';
import { invalid } from './kv-limits.js';
import type { KvRow } from './kv-reads.js';
import { fromColumns } from './kv-value.js';

/** KvService: each plugin in the namespace of its configured entry. */
export function createKvMethods(kv: Kv): readonly HostMethod[] {
  return createHostMethods(
    KvServiceDefinition,
    {
      async get(body, { plugin }) {
        const { key } = KvServiceGetRequest.decode(body);
        const row = await kv.get(plugin.name, key);
        return encodeMessage(KvServiceGetResponse, {
          entry: row === undefined ? undefined : toEntry(row),
        });
      },
      async getMany(body, { plugin }) {
        const rows = await kv.getMany(plugin.name, GetManyRequest.decode(body).keys);
        return encodeMessage(GetManyResponse, { entries: rows.map(toEntry) });
      },
      async list(body, { plugin }) {
        const { prefix, pageSize, pageToken } = KvServiceListRequest.decode(body);
        const page = await kv.list(plugin.name, prefix, pageSize, pageToken);
        return encodeMessage(KvServiceListResponse, {
          keys: page.keys.map(({ key, version, expiresAt, bytes }) => ({
            key,
            version: BigInt(version),
            expiresAtMs: BigInt(expiresAt ?? 0),
            sizeBytes: bytes,
          })),
          nextPageToken: page.nextPageToken,
        });
      },
      async set(body, { plugin }) {
        const version = await kv.set(plugin.name, toSet(SetRequest.decode(body)));
        return encodeMessage(SetResponse, { version: BigInt(version) });
      },
      async delete(body, { plugin }) {
        const deleted = await kv.delete(plugin.name, KvServiceDeleteRequest.decode(body).key);
        return encodeMessage(KvServiceDeleteResponse, { deleted });
      },
      async increment(body, { plugin }) {
        const { key, by, ttlMs } = IncrementRequest.decode(body);
        const { value, version } = await kv.increment(plugin.name, key, Number(by), Number(ttlMs));
        return encodeMessage(IncrementResponse, { value: BigInt(value), version: BigInt(version) });
      },
      async compareAndSwap(body, { plugin }) {
        const request = CompareAndSwapRequest.decode(body);
        const version = await kv.compareAndSwap(plugin.name, toSet(request), Number(request.expectedVersion));
        return encodeMessage(CompareAndSwapResponse, { version: BigInt(version) });
      },
      async batch(body, { plugin }) {
        await kv.batch(plugin.name, BatchRequest.decode(body).writes.map(toChange));
        return encodeMessage(BatchResponse, {});
      },
    },
    { getMany: countItems, batch: countItems },
  );
}

function toEntry(row: KvRow): KvEntry {
  return {
    key: row.key,
    ...fromColumns(row),
    version: BigInt(row.version),
    expiresAtMs: BigInt(row.expires_at ?? 0),
  };
}

function toSet({ key, value, encoding, ttlMs }: SetRequest): KvSet {
  return { key, value, encoding, ttlMs: Number(ttlMs) };
}

function toChange({ write }: KvWrite): KvChange {
  if (write?.$case === 'set') return { kind: 'set', ...toSet(write.value) };
  if (write?.$case === 'delete') return { kind: 'delete', key: write.value.key };
  throw invalid('writes', 'expected each write to be a set or a delete');
}
