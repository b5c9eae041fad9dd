import { parseDestination } from '@bulkhead/proto/rules';

/** Where a plugin runs that the host does not start itself. */
export interface RemotePlugin {
  /** As written. */
  readonly address: string;
  readonly host: string;
  readonly port: number;
  /** Absent: plaintext, which only goes to loopback. */
  readonly tls?: RemoteTls;
}

/** Which server is meant, and who the host is. Files in PEM, absolute, read again at each connection. */
export interface RemoteTls {
  /** Who signs the server's certificate, which must carry the address's name. */
  readonly ca?: string;
  /** SHA-256 of the server's own certificate, in lower-case hex; its name does not matter then. */
  readonly fingerprint?: string;
  /** The host's certificate and its key. */
  readonly cert: string;
  readonly key: string;
}

export type ParsedAddress =
  | { readonly ok: true; readonly secure: boolean; readonly host: string; readonly port: number }
  | { readonly ok: false; readonly message: string };

/** `grpcs://host:port`, or `grpc://host:port` for plaintext. */
export function parseRemoteAddress(text: string): ParsedAddress {
  const [, scheme, rest = ''] = /^(grpcs?):\/\/([^/]+)\/?$/.exec(text) ?? [];
  const destination = parseDestination(rest);
  if (scheme === undefined || destination === undefined) {
    return { ok: false, message: `expected grpcs://host:port, got '${text}'` };
  }
  return { ok: true, secure: scheme === 'grpcs', ...destination };
}

/** A SHA-256 fingerprint as tools print it, with or without colons; undefined when it is none. */
export function parseFingerprint(text: string): string | undefined {
  const hex = text
    .replace(/^sha256:/i, '')
    .replaceAll(':', '')
    .toLowerCase();
  return /^[0-9a-f]{64}$/.test(hex) ? hex : undefined;
}
