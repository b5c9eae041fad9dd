import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { found } from './find.test-support.js';
import { ipv4 } from './ipv4.js';
import { ipv6 } from './ipv6.js';

describe('ipv4', () => {
  it.each(['203.0.113.7', '10.0.0.1', '192.168.1.255', '8.8.8.8'])('finds %s', (text) => {
    expect(found(ipv4, `from ${text}.`)).toEqual([text]);
    expect(found(ipv4, `http://${text}:8080/x`)).toEqual([text]);
  });

  it.each(['256.0.0.1', '1.2.3', '1.2.3.4.5', '1234.1.1.1', '127.0.0.1', '0.0.0.0', '255.255.255.255'])(
    'leaves %s',
    (text) => {
      expect(found(ipv4, text)).toEqual([]);
    },
  );

  it('finds every address', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        fc.pre(!/^(?:127\.|0\.0\.0\.0$|255\.255\.255\.255$)/.test(address));
        expect(found(ipv4, `(${address})`)).toEqual([address]);
      }),
    );
  });

  it('keeps the first two octets in a partial mask', () => {
    expect(ipv4.partial('203.0.113.7')).toBe('203.0.*.*');
  });
});

describe('ipv6', () => {
  it.each([
    '2001:db8::1',
    '2001:0db8:85a3:0000:0000:8a2e:0370:7334',
    'fe80::1',
    '::ffff:203.0.113.7',
    '2001:DB8:0:0:8:800:200C:417A',
  ])('finds %s', (text) => {
    expect(found(ipv6, `at ${text}, seen`)).toEqual([text]);
    expect(found(ipv6, `[${text}]:443`)).toEqual([text]);
    expect(found(ipv6, `interface:${text}`)).toEqual([text]);
    expect(found(ipv6, `it was ${text}.`)).toEqual([text]);
  });

  it.each([
    '12:34:56',
    '2026-11-21T09:30:34',
    'std::vector',
    'a::b',
    '::',
    '::1',
    '00:1a:2b:3c:4d:5e',
    'a:b:c',
  ])('leaves %s', (text) => {
    expect(found(ipv6, text)).toEqual([]);
  });

  it('finds every address with a digit that is not loopback', () => {
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        fc.pre(/\d/.test(address) && isIP(address) === 6 && !/^[0:]*:0{0,3}[01]?$/.test(address));
        expect(found(ipv6, ` ${address} `)).toEqual([address]);
      }),
    );
  });

  it('keeps the first two groups in a partial mask, and one address has one canonical text', () => {
    expect(ipv6.partial('2001:0db8::1')).toBe('2001:db8:*');
    expect(ipv6.canonical('2001:0DB8:0:0:0:0:0:1')).toBe('2001:db8::1');
  });
});
