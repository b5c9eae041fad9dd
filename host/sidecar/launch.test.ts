import { afterEach, beforeEach, expect, test } from 'vitest';
import { HealthState } from '@bulkhead/proto/plugin';
import { Harness } from './launch.test-support.js';

let harness: Harness;
beforeEach(() => {
  harness = new Harness();
});
afterEach(() => harness.close());

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

for (const vices of ['', 'no-link']) {
  const kind = vices === '' ? 'with the link' : 'without the link';

  test(`a plugin ${kind} starts, answers calls small and large, and stops with exit code 0`, async () => {
    const sidecar = await harness.plugin(vices);
    expect(sidecar.handshake.sdk).toBe('fixture/1');
    expect(text(await sidecar.call('/test.Echo/Echo', Buffer.from('hello')))).toBe('hello');
    const large = Buffer.alloc(1024 * 1024, 7);
    expect(large.equals(await sidecar.call('/test.Echo/Echo', large))).toBe(true);
    expect(sidecar.inFlight).toBe(0);
    expect(await sidecar.health(1000)).toMatchObject({
      state: HealthState.HEALTH_STATE_HEALTHY,
      message: 'fine',
    });
    expect(await sidecar.stop('done')).toMatchObject({ exitCode: 0, signal: null, reason: 'done' });
  });
}
