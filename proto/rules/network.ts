/** In each answer of the host's proxy's own, with the reason, so that it is told from an answer of the server behind. */
export const EGRESS_REFUSAL_HEADER = 'x-bulkhead-egress';

/** A place that a plugin dials: canonical host (lower case, IPv6 without brackets) and port. */
export interface Destination {
  readonly host: string;
  readonly port: number;
}

/** One line of `permissions.network`. */
export interface NetworkRule extends Destination {
  /** The rule was `*.host:port`: any name below `host`, at any depth, not `host` itself. */
  readonly below: boolean;
}

/** One line of an operator's `network_private`: where a plugin may go in ranges that are not public. */
export type PrivateRule =
  | { readonly kind: 'name'; readonly host: string; readonly below: boolean }
  | { readonly kind: 'range'; readonly address: string; readonly prefix: number };

export type ParsedRule<Rule> =
  { readonly ok: true; readonly rule: Rule } | { readonly ok: false; readonly message: string };

const MAX_PORT = 65_535;
const IPV4 = /^\d{1,3}(?:\.\d{1,3}){3}$/;
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
const MAX_NAME_CHARS = 253;

/** `host:port`, as a CONNECT request and a manifest write it; undefined when it is none. */
export function parseDestination(text: string): Destination | undefined {
  const [, rawHost = '', rawPort = ''] = /^(.+):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(rawPort);
  const host = canonicalHost(rawHost);
  return host === undefined || port < 1 || port > MAX_PORT ? undefined : { host, port };
}

/** How a destination is written: `host:port`, IPv6 in brackets. */
export function formatDestination({ host, port }: Destination): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Only the machine itself. */
export function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/**
 * A host as every part compares it: lower case, IDNA in its ASCII form, IPv6 shortened and without brackets, no final dot.
 *
 * @returns undefined when it is neither a name nor an address
 */
export function canonicalHost(text: string): string | undefined {
  // What would end the authority, or smuggle a user name into it, is no host.
  if (text === '' || /[\s/\\?#@%]/.test(text) || (/:/.test(text) && !/^\[[0-9a-f:.]+\]$/i.test(text)))
    return undefined;
  let host: string;
  try {
    host = new URL(`http://${text}/`).hostname;
  } catch {
    return undefined;
  }
  if (host.startsWith('[')) return host.slice(1, -1);
  host = host.replace(/\.$/, '');
  if (IPV4.test(host)) return host;
  return host.length <= MAX_NAME_CHARS && host.split('.').every((label) => LABEL.test(label))
    ? host
    : undefined;
}

/** A line of `permissions.network`: `host:port`, or `*.host:port` for every name below a host of two labels or more. */
export function parseNetworkRule(text: string): ParsedRule<NetworkRule> {
  const below = text.startsWith('*.');
  const destination = parseDestination(below ? text.slice(2) : text);
  if (destination === undefined || (below && !isDeepName(destination.host))) {
    return {
      ok: false,
      message:
        `expected host:port, for example api.example.com:443 or *.example.com:443, got '${text}'; ` +
        'a port is always named, and a star stands only for the labels before a domain',
    };
  }
  return { ok: true, rule: { ...destination, below } };
}

/** A line of `network_private`: a name, `*.name`, an address, or a range such as 10.0.0.0/8. */
export function parsePrivateRule(text: string): ParsedRule<PrivateRule> {
  const range = parseRange(text);
  if (range !== undefined) return { ok: true, rule: range };
  const below = text.startsWith('*.');
  const host = canonicalHost(below ? text.slice(2) : text);
  if (host === undefined || isAddress(host)) {
    const message = `expected a name, an address or a range such as 10.0.0.0/8, without a port, got '${text}'`;
    return { ok: false, message };
  }
  return { ok: true, rule: { kind: 'name', host, below } };
}

/** Whether some rule covers the destination. */
export function isGranted(rules: readonly NetworkRule[], destination: Destination): boolean {
  return rules.some((rule) => rule.port === destination.port && matchesName(rule, destination.host));
}

/** Whether a rule's name is this host, or with `below` one above it. */
export function matchesName(rule: { readonly host: string; readonly below: boolean }, host: string): boolean {
  return rule.below ? host.endsWith(`.${rule.host}`) && !isAddress(host) : rule.host === host;
}

/** The rules of a list whose lines were checked before; a line that is none grants nothing. */
export function networkRules(lines: readonly string[]): readonly NetworkRule[] {
  return lines.flatMap((line) => {
    const parsed = parseNetworkRule(line);
    return parsed.ok ? [parsed.rule] : [];
  });
}

function isAddress(host: string): boolean {
  return host.includes(':') || IPV4.test(host);
}

function isDeepName(host: string): boolean {
  return host.includes('.') && !isAddress(host);
}

function parseRange(text: string): PrivateRule | undefined {
  const [, base = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const host = canonicalHost(base.includes(':') && !base.startsWith('[') ? `[${base}]` : base);
  if (host === undefined || !isAddress(host)) return undefined;
  const most = host.includes(':') ? 128 : 32;
  const prefix = bits === undefined ? most : Number(bits);
  return prefix > most ? undefined : { kind: 'range', address: host, prefix };
}
