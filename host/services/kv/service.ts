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
import { countItems } from '../../sidecar/count-items.js';
import { createHostMethods, type HostMethod } from '../../sidecar/host-method.js';
import { readRequest } from '../../sidecar/read-message.js';
import type { Kv, KvChange, KvSet } from './kv.js';
import { invalid, MAX_ITEMS } from './kv-limits.js';
import type { KvRow } from './kv-reads.js';
import { fromColumns } from './kv-value.js';

/** KvService: each plugin in the namespace of its configured entry. */
export function createKvMethods(kv: Kv): readonly HostMethod[] {
  return createHostMethods(
    KvServiceDefinition,
    {
      async get(body, { plugin }) {
        const { key } = readRequest(KvServiceGetRequest, body);
        const row = await kv.get(plugin.name, key);
        return encodeMessage(KvServiceGetResponse, {
          entry: row === undefined ? undefined : toEntry(row),
        });
      },
      async getMany(body, { plugin }) {
        const rows = await kv.getMany(plugin.name, readRequest(GetManyRequest, body).keys);
        return encodeMessage(GetManyResponse, { entries: rows.map(toEntry) });
      },
      async list(body, { plugin }) {
        const { prefix, pageSize, pageToken } = readRequest(KvServiceListRequest, body);
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
        const version = await kv.set(plugin.name, toSet(readRequest(SetRequest, body)));
        return encodeMessage(SetResponse, { version: BigInt(version) });
      },
      async delete(body, { plugin }) {
        const deleted = await kv.delete(plugin.name, readRequest(KvServiceDeleteRequest, body).key);
        return encodeMessage(KvServiceDeleteResponse, { deleted });
      },
      async increment(body, { plugin }) {
        const { key, by, ttlMs } = readRequest(IncrementRequest, body);
        const { value, version } = await kv.increment(plugin.name, key, Number(by), Number(ttlMs));
        return encodeMessage(IncrementResponse, { value: BigInt(value), version: BigInt(version) });
      },
      async compareAndSwap(body, { plugin }) {
        const request = readRequest(CompareAndSwapRequest, body);
        const version = await kv.compareAndSwap(plugin.name, toSet(request), Number(request.expectedVersion));
        return encodeMessage(CompareAndSwapResponse, { version: BigInt(version) });
      },
      async batch(body, { plugin }) {
        await kv.batch(plugin.name, readRequest(BatchRequest, body).writes.map(toChange));
        return encodeMessage(BatchResponse, {});
      },
    },
    { getMany: countOperations, batch: countOperations },
  );
}

/** More than a message may have is refused, and so is one more. */
function countOperations(body: Uint8Array): number {
  return countItems(body, MAX_ITEMS + 1);
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
