import { JsonText } from '@bulkhead/proto/json';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DEFAULT_REDACT_LIMITS, isSecretKey, redact, REDACTED } from './redact.js';

describe('redact', () => {
  test.each([
    'authorization',
    'Authorization',
    'proxy-authorization',
    'cookie',
    'Set-Cookie',
    'set_cookie',
    'token',
    'accessToken',
    'client_secret',
    'password',
    'DB_PASSWORD',
    'api-key',
    'API_KEY',
    'x-api-key',
    'apiKey',
    'api key',
    'credential',
    'aws_credentials',
  ])('takes %s for the name of a secret', (key) => {
    expect(isSecretKey(key)).toBe(true);
    expect(redact({ [key]: 'hunter2' })).toEqual({ [key]: REDACTED });
  });

  test.each(['name', 'path', 'author', 'key', 'plugin', 'request_id', 'passed'])('leaves %s alone', (key) => {
    expect(redact({ [key]: 'plain' })).toEqual({ [key]: 'plain' });
  });

  test('counts of tokens are not secrets, a number as a password is', () => {
    expect(redact({ tokens: 12, max_tokens: 4, token: 'abc', password: 1234 })).toEqual({
      tokens: 12,
      max_tokens: 4,
      token: REDACTED,
      password: REDACTED,
    });
  });

  test('a secret is replaced at any depth, whatever holds it', () => {
    const secret = 'hunter2';
    const cause = new BulkheadError(ErrorCode.SPAWN_FAILED, 'no', { details: { env: { API_KEY: secret } } });
    const logged = redact({
      payload: { args: [{ headers: { 'Set-Cookie': secret } }] },
      map: new Map([['token', secret]]),
      set: new Set([{ password: secret }]),
      text: new JsonText(`{"deep":{"secret":"${secret}"}}`),
      err: new Error('failed', { cause }),
    });
    expect(JSON.stringify(logged)).not.toContain(secret);
    expect(logged).toMatchObject({ err: { message: 'failed', cause: { code: 'SPAWN_FAILED' } } });
  });

  test('cycles, depth, width and long texts are bounded', () => {
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    expect(JSON.stringify(redact(cycle))).toContain('[…]');
    expect(
      Object.keys(redact(Object.fromEntries(Array.from({ length: 2_000 }, (_, i) => [`k${i}`, i])))),
    ).toHaveLength(DEFAULT_REDACT_LIMITS.maxMembers + 1);
    expect(redact({ text: 'x'.repeat(10_000) })['text']).toMatch(/x{8192}\[1808 more characters\]$/);
  });

  test('what cannot be read is said, and nothing is thrown', () => {
    const logged = redact({
      bad: {
        get trap() {
          throw new Error('gotcha');
        },
      },
      big: 12n,
      bytes: new Uint8Array(3),
    });
    expect(logged).toEqual({ bad: '[unreadable: gotcha]', big: '12', bytes: '[3 bytes]' });
  });

  test('any object gives bounded JSON without its secrets', () => {
    fc.assert(
      fc.property(fc.object({ maxDepth: 12, withBigInt: true, withMap: true, withSet: true }), (value) => {
        const text = JSON.stringify(redact({ value, nested: { api_key: 'hunter2-hunter2' } }));
        expect(text).not.toContain('hunter2-hunter2');
        expect(text.length).toBeLessThan(1_000_000);
      }),
    );
  });
});
