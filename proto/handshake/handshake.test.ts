import { createPrivateKey, X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { generate } from 'selfsigned';
import { expect, test } from 'vitest';
import { isBulkheadError } from '../errors.js';
import {
  certificatePem,
  chooseVersion,
  createCertificate,
  formatHandshakeLine,
  parseHandshakeLine,
} from './index.js';

test('a line is read as it was written', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('unix' as const, 'tcp' as const),
      fc.stringMatching(/^[a-z0-9/._:-]{1,80}$/),
      fc.option(fc.uint8Array({ minLength: 1, maxLength: 500 }), { nil: undefined }),
      (network, address, certificate) => {
        const line = {
          appVersion: 1,
          network,
          address,
          ...(certificate === undefined ? {} : { certificateDer: Buffer.from(certificate) }),
        };
        expect(parseHandshakeLine(formatHandshakeLine(line))).toEqual(line);
      },
    ),
  );
});

test('the line of a plugin written in Go is read, with and without its seventh field', () => {
  expect(parseHandshakeLine('1|1|unix|/tmp/plugin123|grpc|')).toEqual({
    appVersion: 1,
    network: 'unix',
    address: '/tmp/plugin123',
  });
  expect(parseHandshakeLine('1|1|unix|/tmp/plugin123|grpc||false\n').multiplex).toBe(false);
});

test('any other text is a typed error that quotes at most 200 bytes', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 5_000 }), (garbage) => {
      try {
        parseHandshakeLine(garbage);
      } catch (error) {
        expect(isBulkheadError(error) && error.code).toMatch(/HANDSHAKE_INVALID|PROTOCOL_INCOMPATIBLE/);
        expect((error as Error).message.length).toBeLessThan(1_600);
      }
    }),
  );
  expect(() => parseHandshakeLine('x'.repeat(4_000))).toThrow(/cut, 4000 bytes/);
});

test('another version of the protocol is a permanent error that says who must be updated', () => {
  expect(() => parseHandshakeLine('2|1|unix|/s|grpc|')).toThrow(/core protocol 2.*update/);
  expect(() => parseHandshakeLine('1|9|unix|/s|grpc|')).toThrow(/API version 9.*update/);
  expect(() => chooseVersion('2,3')).toThrow(/2,3/);
  expect(chooseVersion('1,2')).toBe(1);
  expect(chooseVersion(undefined)).toBe(1);
});

test('the certificate says what a library would say', async () => {
  const ours = new X509Certificate(createCertificate().certPem);
  const reference = new X509Certificate(
    (await generate([{ name: 'commonName', value: 'localhost' }], { keyType: 'ec' })).cert,
  );
  expect(ours.subject).toBe('CN=localhost');
  expect(ours.issuer).toBe(ours.subject);
  expect(ours.subjectAltName).toBe('DNS:localhost');
  expect(ours.publicKey.asymmetricKeyType).toBe(reference.publicKey.asymmetricKeyType);
  expect(ours.publicKey.asymmetricKeyDetails).toEqual(reference.publicKey.asymmetricKeyDetails);
  expect(ours.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2', '1.3.6.1.5.5.7.3.1']);
  expect(ours.ca).toBe(true);
});

test('the certificate signs itself, fits its key, and is valid on either side of 2050', () => {
  for (const now of [
    new Date('2026-11-21T00:00:00Z'),
    new Date('2019-06-01T00:00:00Z'),
    new Date('2050-01-01T00:00:00Z'),
  ]) {
    const made = createCertificate(now);
    const read = new X509Certificate(made.certPem);
    expect(read.verify(read.publicKey)).toBe(true);
    expect(read.checkPrivateKey(createPrivateKey(made.keyPem))).toBe(true);
    expect(new Date(read.validFrom).getTime()).toBeLessThan(now.getTime());
    expect(new Date(read.validTo).getTime()).toBeGreaterThan(now.getTime());
    expect(certificatePem(made.certDer)).toBe(made.certPem);
  }
  expect(new X509Certificate(createCertificate().certPem).serialNumber).not.toBe(
    new X509Certificate(createCertificate().certPem).serialNumber,
  );
});
