import { describe, it } from 'vitest';
import { ANALYTICS_STEPS } from './analytics.js';
import { openRealHost } from './real-host.js';
import { hostOfTwins } from './twins.js';

const SCOPES = ['analytics.read', 'analytics.write'];

describe('analytics', () => {
  it.each(Object.entries(ANALYTICS_STEPS))('in memory: %s', async (_name, step) => {
    const { host, t, close } = await hostOfTwins({ services: SCOPES });
    await step({ host, valueOf: (name) => t.host.metrics.find((one) => one.name === name)?.value });
    await close();
  });
  it.each(Object.entries(ANALYTICS_STEPS))('in the host: %s', async (_name, step) => {
    const real = await openRealHost();
    const { metrics } = real.services;
    await step({
      host: real.hostOf(SCOPES),
      valueOf: (name) => metrics.snapshot().find((one) => one.name === name)?.value,
    });
    await real.close();
  });
});
