import { describe, it } from 'vitest';
import { openRealHost } from './real-host.js';
import { SECRET_SERVICE_STEPS } from './secrets.js';
import { hostOfTwins } from './twins.js';

const SCOPES = ['secrets.read'];
const GRANTED = ['TOKEN', 'EMPTY'];
const VALUES = { TOKEN: 's3cret', OTHER: 'not yours' };

describe('secrets', () => {
  it.each(Object.entries(SECRET_SERVICE_STEPS))('in memory: %s', async (_name, step) => {
    const { host, t, close } = await hostOfTwins({ services: SCOPES, secrets: GRANTED }, { secrets: VALUES });
    const set = async (name: string, value: string): Promise<void> => {
      await Promise.resolve(t.host.secrets.set(name, value));
    };
    await step({ secrets: host.secrets, set });
    await close();
  });
  it.each(Object.entries(SECRET_SERVICE_STEPS))('in the host: %s', async (_name, step) => {
    const real = await openRealHost({ secrets: VALUES, grantedSecrets: GRANTED });
    await step({ secrets: real.hostOf(SCOPES).secrets, set: real.setSecret });
    await real.close();
  });
});
