import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { CREDENTIAL_FIELDS, mapSecrets, type ObjectType } from '@bulkhead/proto/rules';
import { formatPath } from '@bulkhead/proto/rules/schema';
import type { Kysely } from 'kysely';
import type { Database } from '../store/database.js';

/** Where a secret stands; a sealed one that is moved elsewhere does not open. */
export interface SecretPlace {
  readonly type: ObjectType;
  readonly id: string;
  /** For example `headers.authorization`. */
  readonly field: string;
}

export type SealSecret = (secret: string, place: SecretPlace) => string;

/** Keeps secrets unreadable in the store. */
export interface Seal {
  /** Makes the first key where there is none yet. Before a transaction that seals. @throws SECRET_KEY_INVALID */
  prepare(): Promise<void>;
  /** Seals with the key that the store is written with, as this transaction sees it. @throws SECRET_KEY_INVALID */
  sealer(trx: Kysely<Database>): Promise<SealSecret>;
  /** What stands there in clear, written by a host without secrets, comes back as it is. @throws SECRET_KEY_INVALID */
  open(sealed: string, place: SecretPlace): string;
}

/** What each sealed secret begins with. */
export const SEALED_PREFIX = 'sealed:1:';

/** Keeps them as they are: for a host without secrets. */
export const NO_SEAL: Seal = {
  prepare: () => Promise.resolve(),
  sealer: () => Promise.resolve((secret) => secret),
  open(text, { type, id, field }) {
    if (!text.startsWith(SEALED_PREFIX)) return text;
    throw new BulkheadError(
      ErrorCode.SECRET_KEY_INVALID,
      `${field} of the ${type} '${id}' is encrypted, and this host has no secrets; pass it the secrets of the host that wrote it`,
    );
  },
};

/** Hashes of credentials are kept as they are: they are looked up. */
const HASH = /^sha256:[0-9a-f]{64}$/;

/** Whether there is something to seal. */
export function hasSecrets(type: ObjectType, object: object): boolean {
  let found = false;
  eachSecret(type, '', object, (secret) => {
    found = true;
    return secret;
  });
  return found;
}

/** @throws SECRET_KEY_INVALID */
export async function sealObject<T extends object>(
  seal: Seal,
  trx: Kysely<Database>,
  type: ObjectType,
  id: string,
  object: T,
): Promise<T> {
  if (!hasSecrets(type, object)) return object;
  return eachSecret(type, id, object, await seal.sealer(trx));
}

/** @throws SECRET_KEY_INVALID */
export function openObject<T extends object>(
  seal: Pick<Seal, 'open'>,
  type: ObjectType,
  id: string,
  object: T,
): T {
  return eachSecret(type, id, object, (sealed, place) => seal.open(sealed, place));
}

function eachSecret<T extends object>(type: ObjectType, id: string, object: T, replace: SealSecret): T {
  const hashes = CREDENTIAL_FIELDS[type]?.hashes;
  return mapSecrets(type, object, (secret, keys) =>
    keys[0] === hashes && HASH.test(secret) ? secret : replace(secret, { type, id, field: formatPath(keys) }),
  );
}
