import { lookup as systemLookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import {
  formatDestination,
  isGranted,
  type Destination,
  type NetworkRule,
  type PrivateRule,
} from '@bulkhead/proto/rules';
import { isOpened, kindOfAddress } from './addresses.js';
import { notGranted, privateAddress, refused, type Refusal } from './refusal.js';

export interface HostAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

/** Every address of a name. Default: as the host's system resolves it, /etc/hosts included. */
export type Lookup = (name: string) => Promise<readonly HostAddress[]>;

/** Where a plugin may go. */
export interface EgressRules {
  readonly allow: readonly NetworkRule[];
  readonly allowPrivate: readonly PrivateRule[];
}

/** Addresses that were checked. Only these may be dialled: asking for the name again could lead elsewhere. */
export interface Resolved {
  readonly kind: 'resolved';
  readonly addresses: readonly HostAddress[];
}

/** Names that one plugin may have looked up at a time: the system's resolver has few threads, and all of the host waits for them. */
const MAX_LOOKUPS = 2;

export const lookupBySystem: Lookup = async (name) =>
  (await systemLookup(name, { all: true })).map(({ address, family }) => ({
    address,
    family: family === 6 ? 6 : 4,
  }));

/** Checks a destination against the grant and finds its addresses. Made for one plugin. */
export function createResolver(
  rules: EgressRules,
  lookup: Lookup,
): (destination: Destination) => Promise<Resolved | Refusal> {
  const lookUp = limitAtOnce(MAX_LOOKUPS, lookup);
  return async (destination) => {
    // First of all, so that nobody learns through our resolver what they may not dial.
    if (!isGranted(rules.allow, destination)) return notGranted(destination);
    const { host } = destination;
    const family = isIP(host);
    let found: readonly HostAddress[];
    try {
      found = family === 0 ? await lookUp(host) : [{ address: host, family: family === 6 ? 6 : 4 }];
    } catch (error) {
      return nameNotFound(destination, error);
    }
    if (found.length === 0) return nameNotFound(destination, undefined);
    const open = found.filter(
      ({ address }) => kindOfAddress(address) === 'public' || isOpened(rules.allowPrivate, host, address),
    );
    if (open.length > 0) return { kind: 'resolved', addresses: open };
    return privateAddress(
      destination,
      found.map(({ address }) => address),
    );
  };
}

function nameNotFound(destination: Destination, error: unknown): Refusal {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'no address';
  return refused(
    'NAME_NOT_FOUND',
    `${formatDestination(destination)} has no address that the host can find (${code})`,
    destination,
  );
}

function limitAtOnce<Value>(
  most: number,
  work: (name: string) => Promise<Value>,
): (name: string) => Promise<Value> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (name) => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    else running += 1;
    try {
      return await work(name);
    } finally {
      // The turn is handed on, not given back and taken again.
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
