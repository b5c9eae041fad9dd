import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isBulkheadError } from '@bulkhead/proto';
import { Harness, WALLS } from './launch.test-support.js';
import type { Sidecar } from './sidecar.js';

const MIB = 1024 * 1024;
const EMPTY = new Uint8Array(0);
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const failed = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'answered',
    (error: unknown) => (isBulkheadError(error) ? error.code : String(error)),
  );

describe.each(WALLS)('behind the wall %s:', (kind) => {
  let harness: Harness;
  let neighbour: Sidecar;
  beforeEach(async () => {
    harness = new Harness(kind);
    neighbour = await harness.plugin('', { name: 'neighbour' });
  });
  afterEach(async () => {
    expect(text(await neighbour.call('/test.Echo/Echo', Buffer.from('unharmed')))).toBe('unharmed');
    await harness.close();
  });

  describe('a plugin that floods the host’s socket', () => {
    const flood = (kind: string, reads: boolean): Buffer => Buffer.from(JSON.stringify([kind, reads]));

    // Nothing of that is answered, or nobody takes the answers: HTTP/2 itself has a bound for what piles up.
    test.each([
      ['resets', true],
      ['resets', false],
      ['streams', true],
      ['streams', false],
      ['empty-data', false],
      ['pings', false],
      ['settings', false],
    ] as const)('with %s loses that connection (reads the answers: %s)', async (kind, reads) => {
      const sidecar = await harness.plugin('', { callTimeoutMs: 25_000 });
      const answer = await sidecar.call('/test.Echo/FloodHost', flood(kind, reads));
      expect(JSON.parse(text(answer))).toMatchObject({ dropped: true });
      expect(text(await sidecar.call('/test.Echo/Echo', Buffer.from('on the link')))).toBe('on the link');
    });

    test.each(['pings', 'settings', 'windows', 'crumbs', 'messageless'])(
      'with %s that pile up nothing is ended, and the reason is named',
      async (kind) => {
        const sidecar = await harness.plugin('', { callTimeoutMs: 25_000, maxMessageBytes: 100_000 });
        const flooding = failed(sidecar.call('/test.Echo/FloodHost', flood(kind, true)));
        // Each within its deadline, or this throws.
        while (sidecar.inFlight > 0) await neighbour.call('/test.Echo/Echo', EMPTY);
        expect(await flooding).toBe('PLUGIN_UNAVAILABLE');
        expect(await sidecar.exited).toMatchObject({
          code: 'CONNECTION_FLOODED',
          reason: expect.stringContaining('flooded its connection to the host'),
        });
        expect(harness.tape.entries).toContainEqual(
          expect.objectContaining({ plugin: 'probe', level: 50, code: 'CONNECTION_FLOODED' }),
        );
      },
    );
  });

  test.each(['pings', 'settings'])(
    'a plugin that floods the connection on which the host called with %s is lost',
    async (flood) => {
      const sidecar = await harness.plugin('relay');
      await sidecar.call('/test.Echo/FloodBack', Buffer.from(JSON.stringify([flood])));
      expect(await sidecar.lost).toMatchObject({ code: 'PLUGIN_UNAVAILABLE' });
    },
  );

  test.each(['pings', 'settings', 'windows', 'crumbs-on-link'])(
    'a plugin that floods it with %s that pile up nothing is ended, and the reason is named',
    async (flood) => {
      const sidecar = await harness.plugin('relay', { maxMessageBytes: 100_000 });
      await sidecar.call('/test.Echo/FloodBack', Buffer.from(JSON.stringify([flood, true])));
      expect(await sidecar.exited).toMatchObject({ code: 'CONNECTION_FLOODED' });
    },
  );

  test('a plugin that asks on and on over the link for what can only be refused is ended, and the reason is named', async () => {
    const sidecar = await harness.plugin('');
    void failed(sidecar.call('/test.Echo/FloodLink', EMPTY, { timeoutMs: 25_000 }));
    expect(await sidecar.exited).toMatchObject({
      code: 'CONNECTION_FLOODED',
      reason: expect.stringContaining('served nothing'),
    });
  });

  test('a plugin that closes its half of the connection and lives on is lost', async () => {
    const sidecar = await harness.plugin('relay');
    const waiting = failed(sidecar.call('/test.Echo/Hang', EMPTY, { timeoutMs: 25_000 }));
    await sidecar.call('/test.Echo/HalfClose', EMPTY);
    expect(await sidecar.lost).toMatchObject({ code: 'PLUGIN_UNAVAILABLE' });
    expect(await waiting).toBe('PLUGIN_UNAVAILABLE');
  });

  test('without a link the next call notices it, and later ones go over another connection', async () => {
    const sidecar = await harness.plugin('relay,no-link');
    await sidecar.call('/test.Echo/HalfClose', EMPTY);
    await harness.tape.waitFor(({ msg }) => msg === 'half closed');
    const call = (): Promise<string> => failed(sidecar.call('/test.Echo/Echo', EMPTY));
    expect(['answered', 'PLUGIN_UNAVAILABLE']).toContain(await call());
    await expect.poll(call, { timeout: 5_000 }).toBe('answered');
  });

  test('calls to a plugin that does not read end at their deadline, and what waits for it is bounded', async () => {
    const sidecar = await harness.plugin('relay');
    await sidecar.call('/test.Echo/StopReading', EMPTY);
    await harness.tape.waitFor(({ msg }) => msg === 'reads no more');
    const before = process.memoryUsage().rss;
    const body = Buffer.alloc(60_000);
    const outcomes = await Promise.all(
      Array.from({ length: 2_000 }, () => failed(sidecar.call('/test.Echo/Echo', body, { timeoutMs: 500 }))),
    );
    expect(new Set(outcomes)).toEqual(new Set(['PLUGIN_OVERLOADED', 'DEADLINE_EXCEEDED']));
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * MIB);
    expect(sidecar.inFlight).toBe(0);
  });

  test.each(['', 'no-link'])('an answer far above the limit is refused and not kept (%j)', async (vices) => {
    const sidecar = await harness.plugin(vices, { maxMessageBytes: 100_000, callTimeoutMs: 25_000 });
    const before = process.memoryUsage().rss;
    const size = Buffer.from(String(256 * MIB));
    expect(await failed(sidecar.call('/test.Echo/Answer', size))).toBe('MESSAGE_TOO_LARGE');
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * MIB);
    expect(text(await sidecar.call('/test.Echo/Echo', Buffer.from('next')))).toBe('next');
  });

  test('an answer without an end is bounded by the deadline, and nothing of it is kept', async () => {
    const sidecar = await harness.plugin('no-link');
    const before = process.memoryUsage().rss;
    const endless = sidecar.call('/test.Echo/Endless', EMPTY, { timeoutMs: 500 });
    expect(await failed(endless)).toBe('DEADLINE_EXCEEDED');
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * MIB);
    expect(text(await sidecar.call('/test.Echo/Echo', Buffer.from('next')))).toBe('next');
  });

  test('a stream of output without an end is read, counted and dropped', async () => {
    const sidecar = await harness.plugin('no-link,go,endless-output');
    await harness.tape.waitFor((entry) => entry['plugin'] === 'probe' && 'dropped' in entry);
    expect(text(await sidecar.call('/test.Echo/Echo', Buffer.from('next')))).toBe('next');
  });
});
