import { HEADS_ACTION, type ChainEntry } from './chain.js';
import type { ChainClaim } from './verify.js';

/** What an entry says of other hosts' chains. What cannot be read claims nothing: its own hash tells that it was changed. */
export function claimsOf({ host, seq, action, details }: ChainEntry): readonly ChainClaim[] {
  if (action !== HEADS_ACTION || details === null) return [];
  return headsIn(details).flatMap((head: unknown): readonly ChainClaim[] => {
    if (typeof head !== 'object' || head === null) return [];
    if (!('host' in head) || !('seq' in head) || !('hash' in head)) return [];
    if (typeof head.host !== 'string' || typeof head.seq !== 'number' || typeof head.hash !== 'string')
      return [];
    return [{ host: head.host, seq: head.seq, hash: head.hash, by: `host ${host} in its entry ${seq}` }];
  });
}

function headsIn(details: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(details);
    if (typeof value !== 'object' || value === null || !('heads' in value)) return [];
    return Array.isArray(value.heads) ? value.heads : [];
  } catch {
    return [];
  }
}
