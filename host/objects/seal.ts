import { mapSecrets, type ObjectType } from '@bulkhead/proto/rules';

/** Keeps secrets unreadable in the store. */
export interface Seal {
  seal(text: string): string;
  /** @throws BulkheadError SECRET_KEY_INVALID for what another key sealed */
  open(sealed: string): string;
}

/** Keeps them as they are. */
export const NO_SEAL: Seal = { seal: (text) => text, open: (text) => text };

/** Hashes of credentials are kept as they are: they are looked up. */
const HASH = /^sha256:[0-9a-f]{64}$/;

export function sealObject<T extends object>(seal: Seal, type: ObjectType, object: T): T {
  return mapSecrets(type, object, (secret) => (HASH.test(secret) ? secret : seal.seal(secret)));
}

export function openObject<T extends object>(seal: Seal, type: ObjectType, object: T): T {
  return mapSecrets(type, object, (secret) => (HASH.test(secret) ? secret : seal.open(secret)));
}
