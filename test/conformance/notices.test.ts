import { describe, it } from 'vitest';
import { NOTICE_STEPS } from './notices.js';
import { openRealHost } from './real-host.js';
import { hostOfTwins } from './twins.js';

const SCOPES = ['events.publish', 'events.subscribe', 'schedules.manage'];

describe('events and schedules', () => {
  it.each(Object.entries(NOTICE_STEPS))('in memory: %s', async (_name, step) => {
    const { host, close } = await hostOfTwins({ services: SCOPES });
    await step(host);
    await close();
  });
  it.each(Object.entries(NOTICE_STEPS))('in the host: %s', async (_name, step) => {
    const real = await openRealHost();
    await step(real.hostOf(SCOPES));
    await real.close();
  });
});
