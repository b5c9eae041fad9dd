import { describe, it } from 'vitest';
import { plugin } from '../../host/lifecycle/fakes.test-support.js';
import { PLUGIN_STEPS } from './plugins.js';
import { openRealHost } from './real-host.js';
import { hostOfTwins } from './twins.js';

const SCOPES = ['plugins.read', 'plugins.write'];
const OTHERS = ['guard', 'pii'];
const guardId = plugin('guard').manifest.id;

describe('plugins', () => {
  it.each(Object.entries(PLUGIN_STEPS))('in memory: %s', async (_name, step) => {
    const plugins = ['asker', ...OTHERS].map((name) => ({ name, id: plugin(name).manifest.id }));
    const { host, close } = await hostOfTwins({ services: SCOPES, plugins: [guardId] }, { plugins });
    await step({ plugins: host.plugins, guardId });
    await close();
  });
  it.each(Object.entries(PLUGIN_STEPS))('in the host: %s', async (_name, step) => {
    const real = await openRealHost({ plugins: OTHERS, mayConfigure: [guardId] });
    await step({ plugins: real.hostOf(SCOPES).plugins, guardId });
    await real.close();
  });
});
