import { describe, it } from 'vitest';
import { OBJECT_STEPS, SECRET_STEPS, type ObjectSubject } from './objects.js';
import { openRealHost } from './real-host.js';
import type { Steps } from './steps.js';
import { hostOfTwins } from './twins.js';

const NOUNS = ['llms', 'tools', 'datasources', 'apps'];
const MOST = [
  ...NOUNS.flatMap((noun) => [`${noun}.read`, `${noun}.write`]),
  'tools.operations',
  'users.read',
];
const ALL = [...MOST, 'objects.secrets'];

function holdBoth(scopes: readonly string[], steps: Steps<ObjectSubject>): void {
  it.each(Object.entries(steps))('in memory: %s', async (_name, step) => {
    const { host, t, close } = await hostOfTwins({ services: scopes });
    await step({ host, kept: (id) => Promise.resolve(t.host.objects.llm.get(id)) });
    await close();
  });
  it.each(Object.entries(steps))('in the host: %s', async (_name, step) => {
    const real = await openRealHost();
    await step({ host: real.hostOf(scopes), kept: (id) => real.services.objects.llm.find(id) });
    await real.close();
  });
}

describe('objects', () => {
  holdBoth(MOST, OBJECT_STEPS);
});
describe('objects, with objects.secrets', () => {
  holdBoth(ALL, SECRET_STEPS);
});
