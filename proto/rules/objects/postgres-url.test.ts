import { describe, expect, test } from 'vitest';
import { parsePostgresUrl } from './postgres-url.js';

describe('the URL of a PostgreSQL server', () => {
  test('is taken apart whole', () => {
    const url =
      'postgresql://me%40x:p%2Fw@db.example:6432/shop?sslmode=verify-full&application_name=shop&options=-c%20x%3Dy';
    expect(parsePostgresUrl(url)).toEqual({
      ok: true,
      address: {
        host: 'db.example',
        port: 6432,
        user: 'me@x',
        password: 'p/w',
        database: 'shop',
        ssl: true,
        applicationName: 'shop',
        connectTimeoutMs: 5_000,
        options: '-c x=y',
      },
    });
  });

  test('leaves nothing for an environment to say', () => {
    expect(parsePostgresUrl('postgres://me@[::1]')).toMatchObject({
      address: { host: '::1', port: 5432, user: 'me', password: '', database: 'me', ssl: false },
    });
  });

  test.each([
    ['another scheme', 'mysql://me@h/d'],
    ['no host', 'postgres:///d'],
    ['no user', 'postgres://h/d'],
    ['a socket as its host', 'postgres://me@%2Fvar%2Frun%2Fpostgresql/d'],
    ['a host as a parameter', 'postgres://me@h/d?host=/var/run'],
    ['a certificate', 'postgres://me@h/d?sslcert=/dev/zero'],
    ['a key', 'postgres://me@h/d?sslkey=/dev/zero'],
    ['a root certificate', 'postgres://me@h/d?sslmode=verify-full&sslrootcert=/dev/zero'],
    ['options that end early', 'postgres://me@h/d?options=a%00user%00root'],
    ['a time without an end', 'postgres://me@h/d?connect_timeout=0'],
    ['another port as a parameter', 'postgres://me@h/d?port=1'],
    ['a mode of TLS that is none', 'postgres://me@h/d?sslmode=maybe'],
    ['bytes that are no text', 'postgres://me:%FF@h/d'],
    ['a name that ends early', 'postgres://me%00database%00x@h/d'],
  ])('is refused with %s, and not shown', (_what, url) => {
    const parsed = parsePostgresUrl(url);
    expect(parsed).toEqual({ ok: false, message: expect.any(String) });
    expect(JSON.stringify(parsed)).not.toContain('/dev/zero');
  });
});
