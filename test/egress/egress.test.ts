import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WALLS } from '../../host/sidecar/launch.test-support.js';
import { HAS_REDIS, Journey, Package } from './egress.test-support.js';

let traveller: Package;

beforeAll(async () => {
  traveller = await Package.build();
});

afterAll(async () => {
  await traveller.remove();
});

const CASES = WALLS.flatMap((wall) => [[wall, 'today’s'] as const, [wall, 'an older'] as const]);

describe.each(CASES)('under the %s wall on %s Node', (wall, age) => {
  test.runIf(HAS_REDIS)('a Redis client talks through host.net.connect', async () => {
    await using journey = new Journey();
    const port = await journey.redis();
    const plugin = await journey.start(
      traveller,
      wall,
      {
        network: [`127.0.0.1:${port}`],
        networkPrivate: ['127.0.0.1'],
      },
      age,
    );
    expect(await plugin.travel('redis', { host: '127.0.0.1', port })).toEqual({
      key: 'value',
      count: 100,
      big: true,
    });
  });

  test.runIf(HAS_REDIS)('a Redis client is refused where nobody granted it', async () => {
    await using journey = new Journey();
    const port = await journey.redis();
    const plugin = await journey.start(traveller, wall, { network: ['example.com:443'] }, age);
    expect(await plugin.travel('redis', { host: '127.0.0.1', port })).toEqual({
      failed: expect.stringContaining(`127.0.0.1:${port} is not granted`) as unknown,
      code: 'PERMISSION_DENIED',
    });
    await journey.tape.waitFor(
      ({ reason, destination }) => reason === 'NOT_GRANTED' && destination === `127.0.0.1:${port}`,
    );
  });

  test('fetch, host.http, node:http and node:https reach what is granted, over http and https', async () => {
    await using journey = new Journey();
    const plain = await journey.httpServer();
    const secure = await journey.httpServer(traveller.certificate);
    const plugin = await journey.start(
      traveller,
      wall,
      {
        network: [`localhost:${plain}`, `localhost:${secure}`],
        networkPrivate: ['localhost'],
      },
      age,
    );
    const answer = { method: 'GET', path: '/a?b=1', bytes: 0 };
    for (const [scheme, port] of [
      ['http', plain],
      ['https', secure],
    ] as const) {
      const url = `${scheme}://localhost:${port}/a?b=1`;
      expect(await plugin.travel('fetch', { url })).toEqual(answer);
      expect(await plugin.travel('host.http', { url })).toEqual(answer);
      expect(await plugin.travel('node:http', { url })).toEqual({ status: 200, body: answer });
      expect(await plugin.travel('post', { url })).toEqual({
        method: 'POST',
        path: '/a?b=1',
        bytes: 2_000_000,
      });
    }
    expect(await plugin.travel('host.net', { host: 'localhost', port: secure, tls: true })).toBe(
      'HTTP/1.1 200 OK',
    );
  });

  test('what is not granted fails with PERMISSION_DENIED and the place, from fetch and host.http alike', async () => {
    await using journey = new Journey();
    const port = await journey.httpServer();
    const plugin = await journey.start(
      traveller,
      wall,
      {
        network: [`127.0.0.1:${port}`],
        networkPrivate: ['127.0.0.1'],
      },
      age,
    );
    for (const kind of ['fetch', 'host.http']) {
      for (const url of [`http://127.0.0.1:${port + 1}/`, `https://127.0.0.1:${port + 1}/`]) {
        expect(await plugin.travel(kind, { url })).toEqual({
          failed: expect.stringContaining(`127.0.0.1:${port + 1} is not granted`) as unknown,
          code: 'PERMISSION_DENIED',
        });
      }
    }
    expect(await plugin.travel('node:http', { url: `http://127.0.0.1:${port + 1}/` })).toMatchObject({
      status: 403,
    });
  });

  test('without a grant each attempt says what to ask for', async () => {
    await using journey = new Journey();
    const port = await journey.httpServer();
    const plugin = await journey.start(traveller, wall, {}, age);
    const refusal = {
      failed: expect.stringMatching(`127.0.0.1:${port} is not granted.*permissions.network`) as unknown,
      code: 'PERMISSION_DENIED',
    };
    expect(await plugin.travel('fetch', { url: `http://127.0.0.1:${port}/` })).toEqual(refusal);
    expect(await plugin.travel('host.http', { url: `http://127.0.0.1:${port}/` })).toEqual(refusal);
    expect(await plugin.travel('host.net', { host: '127.0.0.1', port })).toEqual(refusal);
    expect(await plugin.travel('redis', { host: '127.0.0.1', port })).toEqual(refusal);
  });

  test('a request ends with its call', async () => {
    await using journey = new Journey();
    const { port, asked, ended } = await journey.silentServer();
    const plugin = await journey.start(
      traveller,
      wall,
      {
        network: [`127.0.0.1:${port}`],
        networkPrivate: ['127.0.0.1'],
      },
      age,
    );
    const given = new AbortController();
    const call = plugin.travel('host.http', { url: `http://127.0.0.1:${port}/` }, given.signal);
    call.catch(() => {});
    await asked;
    given.abort();
    await expect(call).rejects.toMatchObject({ code: 'CANCELLED' });
    await ended;
  });
});

test.runIf(WALLS.includes('strict'))('under the strict wall a plugin cannot go around the host', async () => {
  await using journey = new Journey();
  const port = await journey.httpServer();
  const plugin = await journey.start(traveller, 'strict', {
    network: [`127.0.0.1:${port}`],
    networkPrivate: ['127.0.0.1'],
  });
  expect(await plugin.travel('direct', { host: '127.0.0.1', port })).toMatchObject({ code: 'ECONNREFUSED' });
});
