import { HealthState } from '@bulkhead/proto/plugin';
import { describe, expect, it } from 'vitest';
import { degraded, healthy, unhealthy } from '../answers.js';
import { HEALTH_TIMEOUT_MS, askHealth } from './author-health.js';
import { systemClock, type RuntimeClock } from './clock.js';

describe('askHealth', () => {
  it.each([
    ['nothing to ask', undefined, HealthState.HEALTH_STATE_HEALTHY, ''],
    ['no answer', () => undefined, HealthState.HEALTH_STATE_HEALTHY, ''],
    ['healthy()', () => healthy(), HealthState.HEALTH_STATE_HEALTHY, ''],
    ['degraded()', () => Promise.resolve(degraded('slow')), HealthState.HEALTH_STATE_DEGRADED, 'slow'],
    ['unhealthy()', () => unhealthy('full'), HealthState.HEALTH_STATE_UNHEALTHY, 'full'],
  ])('takes %s', async (_name, health, state, message) => {
    expect(await askHealth(health, systemClock)).toEqual({ state, message });
  });

  it('says degraded for an answer of no known shape', async () => {
    expect(await askHealth(() => true, systemClock)).toMatchObject({
      state: HealthState.HEALTH_STATE_DEGRADED,
      message: expect.stringContaining(
        'health() answered boolean true; expected nothing, healthy()',
      ) as string,
    });
  });

  it('says degraded when there is no answer in time', async () => {
    let expire = (): void => {};
    const clock: RuntimeClock = {
      ...systemClock,
      after: (_delayMs, callback) => {
        expire = callback;
        return () => {};
      },
    };
    const asked = askHealth(() => new Promise(() => {}), clock);
    expire();
    expect(await asked).toMatchObject({
      state: HealthState.HEALTH_STATE_DEGRADED,
      message: `health() did not answer within ${HEALTH_TIMEOUT_MS} ms`,
    });
  });
});
