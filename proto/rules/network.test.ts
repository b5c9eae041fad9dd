import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  canonicalHost,
  formatDestination,
  isGranted,
  networkRules,
  parseDestination,
  parseNetworkRule,
  parsePrivateRule,
} from './network.js';

const label = fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,10}[a-z0-9])?$/);
const name = fc
  .array(label, { minLength: 1, maxLength: 4 })
  .map((labels) => [...labels, 'example'].join('.'))
  // A label that only looks like Punycode is no name.
  .filter((text) => !/(^|\.)..--/.test(text));
const host = fc.oneof(name, fc.ipV4(), fc.ipV6());
const port = fc.integer({ min: 1, max: 65_535 });

test('a destination reads back as it was written', () => {
  fc.assert(
    fc.property(host, port, (text, number) => {
      const written = text.includes(':') ? `[${text}]:${number}` : `${text}:${number}`;
      const read = parseDestination(written);
      expect(read?.port).toBe(number);
      expect(read === undefined ? undefined : parseDestination(formatDestination(read))).toEqual(read);
    }),
  );
});

test('case, a final dot and other spellings of an address mean the same host', () => {
  expect(canonicalHost('API.Example.COM.')).toBe('api.example.com');
  expect(canonicalHost('bücher.example')).toBe('xn--bcher-kva.example');
  expect(canonicalHost('2130706433')).toBe('127.0.0.1');
  expect(canonicalHost('0x7f.1')).toBe('127.0.0.1');
  expect(canonicalHost('[0:0:0:0:0:0:0:1]')).toBe('::1');
  expect(canonicalHost('[::ffff:127.0.0.1]')).toBe('::ffff:7f00:1');
});

test.each([
  '',
  'a b',
  'user@host',
  'host/path',
  'host\\x',
  'a#b',
  'a?b',
  '%31',
  '::1',
  '[::1',
  '[fe80::1%eth0]',
  '1.2.3.4.5',
  '-a.example',
])("'%s' is no host", (text) => {
  expect(canonicalHost(text)).toBeUndefined();
});

test('any text is a destination or none, never an error', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const read = parseDestination(text);
      expect(
        read === undefined || canonicalHost(formatDestination(read).replace(/:\d+$/, '')) === read.host,
      ).toBe(true);
    }),
  );
});

test('a rule covers its own host and port, and nothing else', () => {
  fc.assert(
    fc.property(name, name, port, port, (one, other, portOne, portOther) => {
      const rules = networkRules([`${one}:${portOne}`]);
      expect(isGranted(rules, { host: other, port: portOther })).toBe(one === other && portOne === portOther);
    }),
  );
});

test('a star stands for the labels before a domain, not for the domain and not for an end of a label', () => {
  const rules = networkRules(['*.example.com:443']);
  const covers = (text: string): boolean => isGranted(rules, { host: text, port: 443 });
  expect(covers('a.example.com')).toBe(true);
  expect(covers('a.b.example.com')).toBe(true);
  expect(covers('example.com')).toBe(false);
  expect(covers('evilexample.com')).toBe(false);
  expect(covers('a.example.com.evil.net')).toBe(false);
});

test.each([
  'example.com',
  '*.com:443',
  '*:443',
  '*.1.2.3.4:443',
  'a.*.com:443',
  'https://example.com:443',
  'example.com:*',
  'example.com:0',
])("'%s' grants nothing", (text) => {
  const parsed = parseNetworkRule(text);
  expect(parsed).toMatchObject({ ok: false });
  expect(parsed.ok ? '' : parsed.message).toContain(text);
});

test('an operator opens names, addresses and ranges', () => {
  expect(parsePrivateRule('redis.internal')).toEqual({
    ok: true,
    rule: { kind: 'name', host: 'redis.internal', below: false },
  });
  expect(parsePrivateRule('*.svc.cluster.local')).toMatchObject({ ok: true, rule: { below: true } });
  expect(parsePrivateRule('10.0.0.0/8')).toEqual({
    ok: true,
    rule: { kind: 'range', address: '10.0.0.0', prefix: 8 },
  });
  expect(parsePrivateRule('::1')).toEqual({ ok: true, rule: { kind: 'range', address: '::1', prefix: 128 } });
  for (const text of ['10.0.0.0/33', 'fd00::/129', 'name:80', '10.0.0.1:80', ''])
    expect(parsePrivateRule(text).ok).toBe(false);
});
