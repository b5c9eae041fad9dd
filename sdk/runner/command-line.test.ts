import { expect, test } from 'vitest';
import { parseCommandLine } from './command-line.js';
import { CannotServe } from './environment.js';

const FILES = ['--cert', 'c.pem', '--key', 'k.pem', '--client-ca', 'a.pem'];

test('an entry alone is for a host that starts the plugin', () => {
  expect(parseCommandLine(['dist/index.js'])).toEqual({ entry: 'dist/index.js' });
});

test('an address is served with TLS, or in plaintext on loopback', () => {
  expect(parseCommandLine(['e.js', '--listen', '0.0.0.0:7443', ...FILES])).toEqual({
    entry: 'e.js',
    listen: { host: '0.0.0.0', port: 7443, tls: { cert: 'c.pem', key: 'k.pem', clientCa: 'a.pem' } },
  });
  expect(parseCommandLine(['e.js', '--listen', '127.0.0.1:0', '--plaintext'])).toEqual({
    entry: 'e.js',
    listen: { host: '127.0.0.1', port: 0 },
  });
});

test.each([
  [[], 'expected an entry'],
  [['a.js', 'b.js'], "'b.js' too"],
  [['a.js', '--port', '1'], '--port'],
  [['a.js', '--listen', 'here'], 'host:port'],
  [['a.js', '--listen', '0.0.0.0:1'], '--client-ca'],
  [['a.js', '--listen', '0.0.0.0:1', '--cert', 'c', '--key', 'k'], '--client-ca'],
  [['a.js', '--listen', '0.0.0.0:1', '--plaintext'], 'loopback only'],
  [['a.js', '--listen', '127.0.0.1:1', '--plaintext', ...FILES], 'got both'],
  [['a.js', ...FILES], 'go with --listen'],
])('%j is answered with what is wrong, and the usage', (args, message) => {
  expect(() => parseCommandLine(args)).toThrow(CannotServe);
  expect(() => parseCommandLine(args)).toThrow(message);
  expect(() => parseCommandLine(args)).toThrow('usage: bulkhead-plugin <entry>');
});
