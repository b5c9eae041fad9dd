import { createHash, timingSafeEqual } from 'node:crypto';
import type { AppConfig } from '../config/config.js';

/** Finds the app that a key belongs to. Takes equally long whichever app it is, and when it is none. */
export function createAppKeys(apps: readonly AppConfig[]): (key: string) => AppConfig | undefined {
  const known = apps.flatMap((app) => app.keyHashes.map((hash) => ({ app, hash: Buffer.from(hash, 'hex') })));
  return (key) => {
    const given = createHash('sha256').update(key).digest();
    let found: AppConfig | undefined;
    for (const { app, hash } of known) {
      if (hash.length === given.length && timingSafeEqual(hash, given)) found ??= app;
    }
    return found;
  };
}

/** What a request carries as proof of who it is. */
export interface Credential {
  readonly scheme: string;
  readonly token: string;
}

const AUTHORIZATION = /^([A-Za-z][A-Za-z0-9_-]*)\s+(\S.*)$/;

/** `Authorization` first, then `x-api-key`. */
export function credentialsOf(headers: Readonly<Record<string, string>>): readonly Credential[] {
  const found: Credential[] = [];
  const match = AUTHORIZATION.exec(headers['authorization']?.trim() ?? '');
  if (match?.[1] !== undefined && match[2] !== undefined) found.push({ scheme: match[1], token: match[2] });
  const key = headers['x-api-key']?.trim();
  if (key !== undefined && key !== '') found.push({ scheme: 'x-api-key', token: key });
  return found;
}
