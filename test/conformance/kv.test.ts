import { describe, it } from 'vitest';
import { KV_STEPS } from './kv.js';
import { openRealHost } from './real-host.js';
import { createTime, hostOfTwins } from './twins.js';

const SCOPES = ['kv.readwrite'];

describe('keys and values', () => {
  it.each(Object.entries(KV_STEPS))('in memory: %s', async (_name, step) => {
    const time = createTime();
    const { host, close } = await hostOfTwins({ services: SCOPES }, { now: time.now });
    await step({ kv: host.kv, advance: time.advance });
    await close();
  });
  it.each(Object.entries(KV_STEPS))('in the host: %s', async (_name, step) => {
    const real = await openRealHost();
    await step({ kv: real.hostOf(SCOPES).kv, advance: real.advance });
    await real.close();
  });
});

describe('KvService in the host', () => {
  it.each(Object.entries(KV_STEPS))('%s', async (_name, step) => {
    const host = await openRealHost();
    await step({ kv: host.hostOf(['kv.readwrite']).kv, advance: host.advance });
    await host.close();
  });
});
