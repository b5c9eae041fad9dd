import { matchesName, type PrivateRule } from '@bulkhead/proto/rules';
import ipaddr from 'ipaddr.js';

/** What an address is, to somebody who must not come into the host's own network by accident. */
export type AddressKind =
  /** Anybody's internet. */
  | 'public'
  /** Loopback, private, shared, benchmarking, documentation, tunnels. A name or a range opens it. */
  | 'private'
  /** Link-local, and where clouds hand out credentials. Only the address or a range opens it, never a name. */
  | 'metadata'
  /** Nowhere to dial: unspecified, multicast, broadcast. Nothing opens it. */
  | 'impossible';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

const IMPOSSIBLE: ReadonlySet<string> = new Set(['unspecified', 'multicast', 'broadcast']);
/** Metadata servers outside the link-local ranges: Azure's, Alibaba's, Amazon's over IPv6. */
const METADATA: ReadonlySet<string> = new Set(['168.63.129.16', '100.100.100.200', 'fd00:ec2::254']);
/** IPv6 that carries an IPv4 address in its last four bytes is as public as that one. */
const EMBEDS_AT_END: ReadonlySet<string> = new Set(['ipv4Mapped', 'rfc6145', 'rfc6052']);
/** 0.0.0.0/8 reaches the machine itself. */
const THIS_NETWORK = ipaddr.IPv4.parseCIDR('0.0.0.0/8');
/** All of IPv6 that is given out as public. */
const GLOBAL_V6 = ipaddr.IPv6.parseCIDR('2000::/3');
const SIX_TO_FOUR = ipaddr.IPv6.parseCIDR('2002::/16');

/** @throws Error when it is no address */
export function kindOfAddress(text: string): AddressKind {
  return kindOf(parseAddress(text));
}

/** Whether an operator opened an address that is not public, by itself or by the name that led to it. */
export function isOpened(rules: readonly PrivateRule[], name: string, text: string): boolean {
  const address = parseAddress(text);
  const kind = kindOf(address);
  if (kind === 'impossible') return false;
  return rules.some((rule) => {
    if (rule.kind === 'name') return kind !== 'metadata' && matchesName(rule, name);
    const range = ipaddr.parse(rule.address);
    return range.kind() === address.kind() && address.match(range, rule.prefix);
  });
}

/** Mapped IPv4 as IPv4: the kernel dials the same place. A zone says on which wire, not which address. */
function parseAddress(text: string): Address {
  return ipaddr.process(text.replace(/%.*$/, ''));
}

function kindOf(address: Address): AddressKind {
  const range = address.range();
  if (IMPOSSIBLE.has(range)) return 'impossible';
  if (range === 'linkLocal' || METADATA.has(address.toString())) return 'metadata';
  if (address instanceof ipaddr.IPv4) {
    if (address.match(THIS_NETWORK)) return 'impossible';
    return range === 'unicast' ? 'public' : 'private';
  }
  const bytes = address.toByteArray();
  if (EMBEDS_AT_END.has(range)) return kindOf(new ipaddr.IPv4(bytes.slice(12)));
  if (address.match(SIX_TO_FOUR)) return kindOf(new ipaddr.IPv4(bytes.slice(2, 6)));
  return range === 'unicast' && address.match(GLOBAL_V6) ? 'public' : 'private';
}
