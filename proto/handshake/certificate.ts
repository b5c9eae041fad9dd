import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { bits, boolean, integer, octets, oid, sequence, set, time, tlv, utf8 } from './der.js';

// By hand, because every certificate library costs each plugin process about 100 ms and 30 MB.

/** A one-time identity of one side of a connection. */
export interface Certificate {
  readonly certPem: string;
  readonly certDer: Buffer;
  readonly keyPem: string;
}

const NAME = 'localhost';
/** Clocks of one machine agree, but a step backwards must not make a new certificate invalid. */
const BACKDATE_MS = 5 * 60_000;
/** Longer than any process lives; go-plugin's is as long. */
const LIFETIME_MS = 30 * 365 * 24 * 3_600_000;

const ECDSA_WITH_SHA256 = sequence(oid('1.2.840.10045.4.3.2'));

/** A self-signed ECDSA P-256 certificate for `localhost`, for client and server use. */
export function createCertificate(now: Date = new Date()): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const name = sequence(set(sequence(oid('2.5.4.3'), utf8(NAME))));
  const extension = (id: string, critical: boolean, value: Buffer): Buffer =>
    sequence(oid(id), ...(critical ? [boolean(true)] : []), octets(value));
  const extensions = sequence(
    extension('2.5.29.19', true, sequence(boolean(true))), // basicConstraints: CA, so that it can be its own root
    extension('2.5.29.15', true, bits(Buffer.from([0x84]), 2)), // keyUsage: digitalSignature, keyCertSign
    extension('2.5.29.37', false, sequence(oid('1.3.6.1.5.5.7.3.2'), oid('1.3.6.1.5.5.7.3.1'))), // client, server
    extension('2.5.29.17', false, sequence(tlv(0x82, Buffer.from(NAME)))), // subjectAltName: DNS
  );
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const toBeSigned = sequence(
    tlv(0xa0, integer(Buffer.from([2]))), // version 3
    integer(serial),
    ECDSA_WITH_SHA256,
    name,
    sequence(time(new Date(now.getTime() - BACKDATE_MS)), time(new Date(now.getTime() + LIFETIME_MS))),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, extensions),
  );
  const certDer = sequence(toBeSigned, ECDSA_WITH_SHA256, bits(sign('sha256', toBeSigned, privateKey)));
  return {
    certDer,
    certPem: certificatePem(certDer),
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

/** A certificate's PEM form. */
export function certificatePem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}
