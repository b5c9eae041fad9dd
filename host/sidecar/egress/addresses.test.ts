import { parsePrivateRule, type PrivateRule } from '@bulkhead/proto/rules';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isOpened, kindOfAddress } from './addresses.js';

const rules = (...lines: readonly string[]): PrivateRule[] =>
  lines.map((line) => {
    const parsed = parsePrivateRule(line);
    if (!parsed.ok) throw new Error(parsed.message);
    return parsed.rule;
  });

test.each([
  ['8.8.8.8', 'public'],
  ['2606:4700::1111', 'public'],
  ['::ffff:8.8.8.8', 'public'],
  ['64:ff9b::808:808', 'public'],
  ['127.0.0.1', 'private'],
  ['127.255.255.254', 'private'],
  ['10.0.0.1', 'private'],
  ['172.16.0.1', 'private'],
  ['172.31.255.255', 'private'],
  ['192.168.1.1', 'private'],
  ['100.64.0.1', 'private'],
  ['198.18.0.1', 'private'],
  ['192.0.2.1', 'private'],
  ['::1', 'private'],
  ['fd12::1', 'private'],
  ['fec0::1', 'private'],
  ['::127.0.0.1', 'private'],
  ['::ffff:10.0.0.1', 'private'],
  ['::ffff:7f00:1', 'private'],
  ['64:ff9b::7f00:1', 'private'],
  ['64:ff9b::10.0.0.1', 'private'],
  ['64:ff9b:1::10.0.0.1', 'private'],
  ['2002:7f00:1::', 'private'],
  ['2001:0:4136:e378:8000:63bf:3fff:fdd2', 'private'],
  ['2001:db8::1', 'private'],
  ['169.254.169.254', 'metadata'],
  ['::ffff:169.254.169.254', 'metadata'],
  ['64:ff9b::a9fe:a9fe', 'metadata'],
  ['2002:a9fe:a9fe::', 'metadata'],
  ['fe80::1', 'metadata'],
  ['fe80::1%eth0', 'metadata'],
  ['fd00:ec2::254', 'metadata'],
  ['100.100.100.200', 'metadata'],
  ['168.63.129.16', 'metadata'],
  ['0.0.0.0', 'impossible'],
  ['0.1.2.3', 'impossible'],
  ['::', 'impossible'],
  ['::ffff:0.0.0.0', 'impossible'],
  ['224.0.0.1', 'impossible'],
  ['ff02::1', 'impossible'],
  ['255.255.255.255', 'impossible'],
])('%s is %s', (address, kind) => {
  expect(kindOfAddress(address)).toBe(kind);
});

test('an IPv4 address is the same through every IPv6 form that carries it', () => {
  fc.assert(
    fc.property(fc.ipV4(), (v4) => {
      expect(kindOfAddress(`::ffff:${v4}`)).toBe(kindOfAddress(v4));
      expect(kindOfAddress(`64:ff9b::${v4}`)).toBe(kindOfAddress(v4));
    }),
  );
});

test('a name opens where it leads, but not metadata servers; an address or a range opens those too', () => {
  expect(isOpened(rules('redis.internal'), 'redis.internal', '10.0.0.5')).toBe(true);
  expect(isOpened(rules('redis.internal'), 'other.internal', '10.0.0.5')).toBe(false);
  expect(isOpened(rules('*.internal.example'), 'a.internal.example', 'fd00::5')).toBe(true);
  expect(isOpened(rules('redis.internal'), 'redis.internal', '169.254.169.254')).toBe(false);
  expect(isOpened(rules('169.254.169.254'), 'x', '169.254.169.254')).toBe(true);
  expect(isOpened(rules('10.0.0.0/8'), 'x', '::ffff:10.1.1.1')).toBe(true);
  expect(isOpened(rules('10.0.0.0/8'), 'x', '11.0.0.1')).toBe(false);
  expect(isOpened(rules('0.0.0.0/0', '::/0'), 'x', '0.0.0.0')).toBe(false);
});
