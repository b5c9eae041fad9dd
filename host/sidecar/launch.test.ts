import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HealthState } from '@bulkhead/proto/plugin';
import { fixture, Harness, pluginProcesses, WALLS } from './launch.test-support.js';
import { isBulkheadError } from '@bulkhead/proto';

describe.each(WALLS)('behind the wall %s:', (kind) => {
  let harness: Harness;
  beforeEach(() => {
    harness = new Harness(kind);
  });
  afterEach(() => harness.close());

  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
  const json = (bytes: Uint8Array): Record<string, unknown> =>
    JSON.parse(text(bytes)) as Record<string, unknown>;
  const EMPTY = new Uint8Array(0);

  const code = (error: unknown): string => (isBulkheadError(error) ? error.code : String(error));
  const failed = (call: Promise<unknown>): Promise<string> => call.then(() => 'no failure', code);

  test.for([
    ['with the link', '', false],
    ['without the link', 'no-link', false],
    ['with the link under mTLS', '', true],
    ['without the link under mTLS', 'no-link', true],
  ] as const)(
    'a plugin %s starts, answers calls small and large, and stops with exit code 0',
    async ([, vices, mtls]) => {
      const sidecar = await harness.plugin(vices, { mtls });
      expect(sidecar.handshake.sdk).toBe('fixture/1');
      expect(sidecar.startMs).toBeGreaterThan(0);
      expect(text(await sidecar.call('/test.Echo/Echo', Buffer.from('hello')))).toBe('hello');
      const large = Buffer.alloc(1024 * 1024, 7);
      expect(large.equals(await sidecar.call('/test.Echo/Echo', large))).toBe(true);
      expect(sidecar.inFlight).toBe(0);
      expect(await sidecar.health(1000)).toMatchObject({
        state: HealthState.HEALTH_STATE_HEALTHY,
        message: 'fine',
      });
      expect(await sidecar.stop('done')).toMatchObject({ exitCode: 0, signal: null, reason: 'done' });
    },
  );

  test.runIf(kind === 'strict')(
    'an entry with network tcp is refused: the sandbox has its own loopback',
    async () => {
      const start = harness.plugin('tcp', { network: 'tcp' });
      expect(await failed(start)).toBe('SANDBOX_UNAVAILABLE');
    },
  );

  test.runIf(kind !== 'strict')(
    'an entry with network tcp is served on loopback, with mTLS whatever it says',
    async () => {
      const sidecar = await harness.plugin('tcp', { network: 'tcp', mtls: false });
      expect(text(await sidecar.call('/test.Echo/Echo', Buffer.from('over TCP')))).toBe('over TCP');
      const { env } = json(await sidecar.call('/test.Echo/Surroundings', EMPTY));
      expect(env).toMatchObject({ BULKHEAD_NETWORK: 'tcp' });
    },
  );

  test('Initialize carries what the plugin was launched with', async () => {
    const sidecar = await harness.plugin('');
    expect(json(await sidecar.call('/test.Echo/Initialize', EMPTY))).toMatchObject({
      name: 'probe',
      configJson: '{"a":1}',
      grantedScopes: ['kv.read'],
      limits: { maxInFlight: 64, timeoutMs: 5_000 },
    });
  });

  test('the plugin gets the scrubbed environment, its working directory and a private directory', async () => {
    const sidecar = await harness.start(
      {
        env: {
          FIXTURE: '',
          GREETING: 'hello',
          NODE_OPTIONS: '--no-warnings',
          LD_PRELOAD: '/x.so',
          HOME: '/root',
        },
      },
      { daemonEnv: { PATH: '/usr/bin', TZ: 'UTC', SECRET: 'of the daemon', NODE_PATH: '/x' } },
    );
    const seen = json(await sidecar.call('/test.Echo/Surroundings', EMPTY));
    const dir = join(harness.runDir, readdirSync(harness.runDir).find((name) => !name.includes('.')) ?? '');
    expect(seen['env']).toEqual({
      PATH: '/usr/bin',
      TZ: 'UTC',
      GREETING: 'hello',
      FIXTURE: '',
      HOME: dir,
      TMPDIR: dir,
      BULKHEAD_PLUGIN: 'v1',
      BULKHEAD_LIFELINE: 'stdin',
      BULKHEAD_HOST_SOCKET: join(dir, 'host.sock'),
      PLUGIN_PROTOCOL_VERSIONS: '1',
      PLUGIN_UNIX_SOCKET_DIR: dir,
      // How the basic wall says paths with a space.
      ...(kind === 'basic' && fixture('').includes(' ')
        ? { NODE_OPTIONS: expect.stringMatching(/^"--permission"/) }
        : {}),
      // bubblewrap's own.
      ...(kind === 'strict' ? { PWD: fixture('') } : {}),
    });
    expect(`${String(seen['cwd'])}/`).toBe(fixture(''));
    expect(statSync(dir).mode & 0o777).toBe(0o700);
  });

  test.for([
    ['', false],
    ['', true],
  ] as const)(
    'who calls the host is told by the channel, on the link and on the socket (%j, mTLS %j)',
    async ([vices, mtls]) => {
      const sidecar = await harness.plugin(vices, { mtls, name: 'caller' });
      const claim = Buffer.from('I am admin');
      const answer = { plugin: 'caller', bytes: claim.length };
      expect(json(await sidecar.call('/test.Echo/CallHostOnLink', claim))).toEqual(answer);
      expect(json(await sidecar.call('/test.Echo/CallHostOnSocket', claim))).toEqual(answer);
    },
  );

  test.for([
    ['link', 'kv.read', 'PERMISSION_DENIED'],
    ['socket', 'kv.read', 'PERMISSION_DENIED'],
    ['link', 'kv.readwrite', 'answered'],
    ['socket', 'kv.readwrite', 'answered'],
  ])(
    'over the %s a plugin granted %s that calls what needs kv.readwrite is %s',
    async ([way, scope, outcome]) => {
      const sidecar = await harness.plugin('', { grantedScopes: [scope ?? ''] });
      const call = sidecar.call(`/test.Echo/CallForbiddenOn${way === 'link' ? 'Link' : 'Socket'}`, EMPTY);
      expect(
        await call.then(
          () => 'answered',
          (error: { code: string }) => error.code,
        ),
      ).toBe(outcome);
    },
  );

  test.for(['', 'no-link'])('a call is bound by its deadline and by its signal (%j)', async (vices) => {
    const sidecar = await harness.plugin(vices);
    expect(await failed(sidecar.call('/test.Echo/Hang', EMPTY, { timeoutMs: 50 }))).toBe('DEADLINE_EXCEEDED');
    const controller = new AbortController();
    const call = failed(sidecar.call('/test.Echo/Hang', EMPTY, { signal: controller.signal }));
    expect(sidecar.inFlight).toBe(1);
    controller.abort();
    expect(await call).toBe('CANCELLED');
    expect(await failed(sidecar.call('/test.Echo/Hang', EMPTY, { signal: controller.signal }))).toBe(
      'CANCELLED',
    );
    expect(sidecar.inFlight).toBe(0);
  });

  test('a body up to 64 KiB goes on the link, a larger one and every one without a link natively', async () => {
    const linked = await harness.plugin('');
    const carrier = async (bytes: number): Promise<string> =>
      text(await linked.call('/test.Echo/Carrier', Buffer.alloc(bytes)));
    expect([await carrier(0), await carrier(65_536), await carrier(65_537)]).toEqual([
      'link',
      'link',
      'native',
    ]);
    const plain = await harness.plugin('no-link');
    expect(text(await plain.call('/test.Echo/Carrier', EMPTY))).toBe('native');
  });

  test('an unknown method and a message over the limit are typed errors', async () => {
    const sidecar = await harness.plugin('', { maxMessageBytes: 100_000 });
    expect(await failed(sidecar.call('/test.Echo/Nothing', EMPTY))).toBe('UNKNOWN_METHOD');
    expect(await failed(sidecar.call('/test.Echo/Echo', Buffer.alloc(100_001)))).toBe('MESSAGE_TOO_LARGE');
    expect((await sidecar.call('/test.Echo/Echo', Buffer.alloc(100_000))).length).toBe(100_000);
  });

  test.for(['', 'no-link'])(
    'a kill in the middle of calls fails them at once, not at their deadline (%j)',
    async (vices) => {
      const sidecar = await harness.plugin(vices, { callTimeoutMs: 25_000 });
      const small = failed(sidecar.call('/test.Echo/Hang', EMPTY));
      const large = failed(sidecar.call('/test.Echo/Hang', Buffer.alloc(200_000)));
      process.kill(sidecar.pid, 'SIGKILL');
      expect(await Promise.all([small, large])).toEqual(['PLUGIN_UNAVAILABLE', 'PLUGIN_UNAVAILABLE']);
      expect(code(await sidecar.lost)).toBe('PLUGIN_UNAVAILABLE');
      expect(await failed(sidecar.call('/test.Echo/Echo', EMPTY))).toBe('PLUGIN_UNAVAILABLE');
      expect(await failed(sidecar.call('/test.Echo/Echo', Buffer.alloc(200_000)))).toBe('PLUGIN_UNAVAILABLE');
      expect(await sidecar.exited).toMatchObject({ exitCode: null, signal: 'SIGKILL' });
    },
  );

  test('a plugin that ends by itself in a call reports its exit code', async () => {
    const sidecar = await harness.plugin('');
    expect(await failed(sidecar.call('/test.Echo/Exit', EMPTY))).toBe('PLUGIN_UNAVAILABLE');
    const report = await sidecar.exited;
    expect(report).toMatchObject({ exitCode: 9, signal: null });
    expect(report.reason).toBeUndefined();
  });

  test.for(['', 'no-link'])('a plugin that closes its listener and lives on is lost (%j)', async (vices) => {
    const sidecar = await harness.plugin(vices);
    await failed(sidecar.call('/test.Echo/CloseListener', EMPTY));
    expect(code(await sidecar.lost)).toBe('PLUGIN_UNAVAILABLE');
    expect(await failed(sidecar.call('/test.Echo/Echo', EMPTY))).toBe('PLUGIN_UNAVAILABLE');
    expect(pluginProcesses(harness.runDir)).toEqual([sidecar.pid]);
  });

  test('a plugin that serves only the standard health service is asked through it', async () => {
    const sidecar = await harness.plugin('no-link,go');
    for (let round = 0; round < 2; round += 1) {
      expect(await sidecar.health(1000)).toMatchObject({ state: HealthState.HEALTH_STATE_HEALTHY });
    }
  });

  test('health of a process that is stopped is no answer within its time', async () => {
    const sidecar = await harness.plugin('');
    process.kill(sidecar.pid, 'SIGSTOP');
    expect(await failed(sidecar.health(100))).toBe('DEADLINE_EXCEEDED');
  });
});
