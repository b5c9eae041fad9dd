import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Kysely } from 'kysely';
import type { Database } from '../store/database.js';
import type { Leaf } from './leaves.js';

/** Where a value stands; a sealed one that is moved elsewhere does not open. */
export interface LeafPlace {
  readonly entry: string;
  readonly path: readonly string[];
}

export type SealLeaf = (text: string, place: LeafPlace) => string;

/** Keeps values of the layer unreadable in the store. */
export interface ConfigSeal {
  /** Makes the first key where there is none yet. Before a transaction that seals. @throws SECRET_KEY_INVALID */
  prepare(): Promise<void>;
  /** Seals with the key that the store is written with, as this transaction sees it. @throws SECRET_KEY_INVALID */
  sealer(trx: Kysely<Database>): Promise<SealLeaf>;
  /** @throws SECRET_KEY_INVALID */
  open(sealed: string, place: LeafPlace): string;
}

/** For a host without secrets: what it is told stays in clear, and it reads nothing that another one sealed. */
export const NO_CONFIG_SEAL: Omit<ConfigSeal, 'prepare' | 'sealer'> = {
  open(_sealed, { entry, path }) {
    throw new BulkheadError(
      ErrorCode.SECRET_KEY_INVALID,
      `plugins.${entry}.${path.join('.')} is encrypted in the store, and this host has no secrets; pass it those of the host that wrote it`,
    );
  },
};

/** A value as it was set; those of an older release stand there in clear. @throws SECRET_KEY_INVALID */
export function openLeaf(leaf: Leaf, entry: string, seal: Pick<ConfigSeal, 'open'>): Leaf {
  const { sealed, ...rest } = leaf;
  if (sealed !== true) return leaf;
  const value: unknown = JSON.parse(seal.open(String(leaf.value), { entry, path: leaf.path }));
  return { ...rest, value };
}

/** The same, as it goes into the store. */
export function sealLeaf(leaf: Leaf, entry: string, seal: SealLeaf): Leaf {
  const value = seal(JSON.stringify(leaf.value), { entry, path: leaf.path });
  return { ...leaf, value, sealed: true };
}
