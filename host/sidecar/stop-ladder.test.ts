import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Harness, WALLS } from './launch.test-support.js';

describe.each(WALLS)('behind the wall %s:', (kind) => {
  let harness: Harness;
  beforeEach(() => {
    harness = new Harness(kind);
  });
  afterEach(() => harness.close());

  /** Small, so that a rung that is not climbed is seen as a test that hangs. */
  const bounds = { drainTimeoutMs: 300, termTimeoutMs: 300, killTimeoutMs: 5_000 };
  const EMPTY = new Uint8Array(0);

  test('a plugin that hangs in Shutdown is ended by SIGTERM', async () => {
    const sidecar = await harness.plugin('hang-in-shutdown', bounds);
    expect(await sidecar.stop('enough')).toMatchObject({
      exitCode: null,
      signal: 'SIGTERM',
      reason: 'enough',
    });
  });

  test('a plugin that hangs in Shutdown and ignores SIGTERM is ended by SIGKILL', async () => {
    const sidecar = await harness.plugin('hang-in-shutdown,ignore-term', bounds);
    const report = await sidecar.stop('enough');
    expect(report).toMatchObject({ signal: 'SIGKILL', reason: 'enough' });
    expect(report.lastLines).toContain('SIGTERM ignored');
  });

  test('a plugin that answers Shutdown and stays is ended by SIGTERM', async () => {
    const sidecar = await harness.plugin('stay-after-shutdown', bounds);
    expect(await sidecar.stop('enough')).toMatchObject({ signal: 'SIGTERM' });
  });

  test('a stopped process (SIGSTOP) is ended within the bounds', async () => {
    const sidecar = await harness.plugin('', bounds);
    process.kill(sidecar.pid, 'SIGSTOP');
    expect(await sidecar.stop('enough')).toMatchObject({ signal: 'SIGKILL' });
  });

  test('a plugin of go-plugin that is gone before it answers Shutdown has ended well', async () => {
    const sidecar = await harness.plugin('no-link,go', { ...bounds, drainTimeoutMs: 20_000 });
    expect(await sidecar.stop('enough')).toMatchObject({ exitCode: 0, signal: null });
  });

  test('a plugin that closed its listener and lives on is ended', async () => {
    const sidecar = await harness.plugin('', bounds);
    await sidecar.call('/test.Echo/CloseListener', EMPTY).catch(() => {});
    await sidecar.lost;
    expect(await sidecar.stop('enough')).toMatchObject({ signal: 'SIGTERM' });
  });

  test('grandchildren that hold stdout are killed with the plugin, however it ends', async () => {
    const stopped = await harness.plugin('grandchild', bounds);
    expect(await stopped.stop('enough')).toMatchObject({ exitCode: 0 });
    const crashed = await harness.plugin('grandchild', bounds);
    await crashed.call('/test.Echo/Exit', EMPTY).catch(() => {});
    expect(await crashed.exited).toMatchObject({ exitCode: 9 });
  });

  test('a grandchild that left the group and holds stdout delays nothing', async () => {
    const sidecar = await harness.plugin('escaped-grandchild', bounds);
    const entry = await harness.tape.waitFor((line) => line.msg.startsWith('escaped '));
    expect(await sidecar.stop('enough')).toMatchObject({ exitCode: 0 });
    if (kind === 'strict') return;
    // Only a sandbox reaches it; else the next start's sweep does. (In a sandbox its number is not one of the host's.)
    const escaped = Number(entry.msg.split(' ')[1]);
    process.kill(escaped, 'SIGKILL');
    await harness.untilGone(escaped);
  });

  test('stop asked for twice is one stop, and kill overtakes it', async () => {
    const sidecar = await harness.plugin('hang-in-shutdown,ignore-term', {
      ...bounds,
      drainTimeoutMs: 20_000,
    });
    const first = sidecar.stop('first');
    expect(sidecar.stop('second')).toBe(first);
    const killed = await sidecar.kill('third');
    expect(killed).toMatchObject({ signal: 'SIGKILL', reason: 'first' });
    expect(await first).toEqual(killed);
    expect(await sidecar.exited).toEqual(killed);
    expect(await sidecar.stop('late')).toEqual(killed);
  });

  test('stop of a process that is gone already reports how it ended', async () => {
    const sidecar = await harness.plugin('', bounds);
    process.kill(sidecar.pid, 'SIGKILL');
    await sidecar.exited;
    const report = await sidecar.stop('late');
    expect(report.signal).toBe('SIGKILL');
    expect(report.reason).toBeUndefined();
  });
});
