import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

const ID_BYTES = 6;
const SECRET_BYTES = 32;
/** `bh_`, the id, and a secret that nobody guesses. Scanners of leaked secrets know it by its begin. */
const TOKEN = /^bh_([0-9a-f]{12})_([A-Za-z0-9_-]{43})$/;

export interface TokenText {
  readonly id: string;
  readonly secret: string;
}

export function makeToken(): TokenText & { readonly token: string } {
  const id = randomBytes(ID_BYTES).toString('hex');
  const secret = makeSecret();
  return { id, secret, token: `bh_${id}_${secret}` };
}

/** undefined for what is no token. */
export function parseToken(text: string): TokenText | undefined {
  const [, id, secret] = TOKEN.exec(text) ?? [];
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

/** 256 random bits as text. */
export function makeSecret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url');
}

/** What is kept of a secret of so many bits; it needs no salt. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** Compares in a time that tells nothing of where they differ. */
export function sameText(one: string, other: string): boolean {
  const [a, b] = [one, other].map((text) => createHash('sha256').update(text).digest());
  return a !== undefined && b !== undefined && timingSafeEqual(a, b);
}
