import { BulkheadError, ErrorCode } from '../errors.js';

/** The variable that tells a plugin that a host started it, and its value. */
export const MAGIC_COOKIE_KEY = 'BULKHEAD_PLUGIN';
export const MAGIC_COOKIE_VALUE = 'v1';

/** go-plugin's core protocol; there has only ever been this one. */
export const CORE_VERSION = 1;
/** The version of bulkhead.plugin.v1 that this code speaks. */
export const APP_VERSION = 1;

/** Bytes of the first line that a host reads before it gives up. */
export const MAX_HANDSHAKE_LINE_BYTES = 4096;

/** The first line that a plugin prints: `CORE|APP|NETWORK|ADDRESS|PROTOCOL|CERT[|MUX]`. */
export interface HandshakeLine {
  readonly appVersion: number;
  readonly network: 'unix' | 'tcp';
  /** A socket's path, or host:port. */
  readonly address: string;
  /** The plugin's leaf certificate, DER; undefined without TLS. */
  readonly certificateDer?: Buffer;
  /** Printed only for a host that set PLUGIN_MULTIPLEX_GRPC; we never multiplex. */
  readonly multiplex?: boolean;
}

export function formatHandshakeLine(line: HandshakeLine): string {
  const certificate = line.certificateDer?.toString('base64').replace(/=+$/, '') ?? '';
  const fields = [CORE_VERSION, line.appVersion, line.network, line.address, 'grpc', certificate];
  if (line.multiplex !== undefined) fields.push(String(line.multiplex));
  return fields.join('|');
}

/** How much of a bad line an error quotes, in bytes. */
const MAX_QUOTE_BYTES = 200;

function quote(line: string): string {
  const bytes = Buffer.from(line);
  const cut = bytes.length > MAX_QUOTE_BYTES;
  return (
    JSON.stringify(bytes.subarray(0, MAX_QUOTE_BYTES).toString('utf8')) +
    (cut ? ` (cut, ${bytes.length} bytes)` : '')
  );
}

/**
 * Reads a plugin's first line.
 *
 * @throws BulkheadError HANDSHAKE_INVALID when it is none, PROTOCOL_INCOMPATIBLE when no version fits
 */
export function parseHandshakeLine(text: string): HandshakeLine {
  const line = text.trim();
  const invalid = (what: string): BulkheadError =>
    new BulkheadError(
      ErrorCode.HANDSHAKE_INVALID,
      `the plugin's first line on stdout: ${what}; expected CORE|APP|NETWORK|ADDRESS|grpc|CERT, got ${quote(line)}`,
    );
  const [core, app, network, address, protocol, certificate = '', multiplex] = line.split('|');
  if (protocol === undefined || !/^\d{1,9}$/.test(core ?? '') || !/^\d{1,9}$/.test(app ?? '')) {
    throw invalid('no handshake');
  }
  if (Number(core) !== CORE_VERSION) {
    throw new BulkheadError(
      ErrorCode.PROTOCOL_INCOMPATIBLE,
      `the plugin speaks core protocol ${core}, this host speaks ${CORE_VERSION}; update the older of the two`,
    );
  }
  if (Number(app) !== APP_VERSION) {
    throw new BulkheadError(
      ErrorCode.PROTOCOL_INCOMPATIBLE,
      `the plugin speaks API version ${app}, this host speaks ${APP_VERSION}; update the older of the two`,
    );
  }
  if (network !== 'unix' && network !== 'tcp') throw invalid('network is neither unix nor tcp');
  if (address === undefined || address === '') throw invalid('no address');
  if (protocol !== 'grpc') throw invalid('protocol is not grpc');
  if (!/^[A-Za-z0-9+/]*=*$/.test(certificate)) throw invalid('the certificate is not base64');
  return {
    appVersion: Number(app),
    network,
    address,
    ...(certificate === '' ? {} : { certificateDer: Buffer.from(certificate, 'base64') }),
    ...(multiplex === undefined ? {} : { multiplex: multiplex === 'true' }),
  };
}

/**
 * The highest version that a host offers (`PLUGIN_PROTOCOL_VERSIONS`, a comma list) and this code speaks.
 * A host that says nothing speaks version 1.
 *
 * @throws BulkheadError PROTOCOL_INCOMPATIBLE
 */
export function chooseVersion(offered: string | undefined): number {
  if (offered === undefined || offered === '') return APP_VERSION;
  if (offered.split(',').some((version) => version.trim() === String(APP_VERSION))) return APP_VERSION;
  throw new BulkheadError(
    ErrorCode.PROTOCOL_INCOMPATIBLE,
    `the host offers API versions ${offered}, this plugin's SDK speaks ${APP_VERSION}; update the older of the two`,
  );
}
