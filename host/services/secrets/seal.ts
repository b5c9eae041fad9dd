import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

/** A key of secrets, and its fingerprint. */
export interface SecretKey {
  readonly id: string;
  /** 32 bytes. */
  readonly bytes: Uint8Array;
}

/** What a value belongs to; a sealed one that is moved elsewhere does not open. */
export interface SealedFor {
  readonly kind: 'secret' | 'object' | 'config';
  readonly parts: readonly (string | number)[];
}

export const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const ID_CHARS = 16;

export function secretKeyOf(bytes: Uint8Array): SecretKey {
  const id = createHash('sha256')
    .update('bulkhead secret key')
    .update(bytes)
    .digest('hex')
    .slice(0, ID_CHARS);
  return { id, bytes };
}

/** AES-256-GCM with a random nonce; what it is for and the key are bound to the value. */
export function seal(key: SecretKey, place: SealedFor, value: string): Uint8Array {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key.bytes, nonce);
  cipher.setAAD(boundTo(key, place));
  const sealed = Buffer.concat([cipher.update(value, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
}

/** undefined when it was changed, or belongs to something else. */
export function unseal(key: SecretKey, place: SealedFor, sealed: Uint8Array): string | undefined {
  try {
    const nonce = sealed.subarray(0, NONCE_BYTES);
    const decipher = createDecipheriv('aes-256-gcm', key.bytes, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(boundTo(key, place));
    decipher.setAuthTag(sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
    const opened = [decipher.update(sealed.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()];
    return Buffer.concat(opened).toString('utf8');
  } catch {
    return undefined;
  }
}

function boundTo({ id }: SecretKey, { kind, parts }: SealedFor): Buffer {
  return Buffer.from(JSON.stringify([`bulkhead-${kind}-1`, id, ...parts]));
}
