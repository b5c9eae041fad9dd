import { describe, it } from 'vitest';
import { KV_STEPS } from './kv.js';
import { openRealHost } from './real-host.js';
import { createTime, hostOfTwins } from './twins.js';

describe('KvService in memory', () => {
  it.each(Object.entries(KV_STEPS))('%s', async (_name, step) => {
    const time = createTime();
    const { host, close } = await hostOfTwins({ services: ['kv.readwrite'] }, { now: time.now });
    await step({ kv: host.kv, advance: time.advance });
    await close();
  });
});

describe('KvService in the host', () => {
  it.each(Object.entries(KV_STEPS))('%s', async (_name, step) => {
    const host = await openRealHost();
    await step({ kv: host.hostOf(['kv.readwrite']).kv, advance: host.advance });
    await host.close();
  });
});
