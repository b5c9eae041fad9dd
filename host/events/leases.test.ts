import { beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../clock.test-support.js';
import { describeEachStore } from '../store/each-store.test-support.js';
import type { Store } from '../store/store.js';
import { createSilentLogger } from '../telemetry/logger.js';
import { Leases } from './leases.js';

const TIMING = { ttlMs: 15_000, renewEveryMs: 4_000 };

describeEachStore('leases', (the) => {
  let clock: FakeClock;
  let store: Store;
  beforeEach(async () => {
    clock = new FakeClock();
    store = await the.open();
  });
  const leasesOn = (on: Store): Leases => new Leases(on, clock, createSilentLogger(), TIMING);
  /** As it stands when the store took it and the answer was lost. */
  const takenUnheard = async ({ holder }: Leases, name: string): Promise<void> => {
    await store.db.insertInto('leases').values({ name, holder, token: 1, beat: 0 }).execute();
  };
  const beatOf = async (name: string): Promise<number | undefined> =>
    (await store.db.selectFrom('leases').select('beat').where('name', '=', name).executeTakeFirst())?.beat;

  test('one that is asked for twice at once is taken once, for both', async () => {
    const leases = leasesOn(store);
    const [one, other] = await Promise.all([leases.acquire('x'), leases.acquire('x')]);
    expect(one).toBeDefined();
    expect(other).toBe(one);
  });

  test('a host that took one and did not hear of it takes it again at once', async () => {
    const leases = leasesOn(store);
    await takenUnheard(leases, 'x');
    expect(await leases.acquire('x')).toMatchObject({ name: 'x', token: 2 });
  });

  test('one that its host does not know to have runs out for others, whatever else it renews', async () => {
    const [leases, others] = [leasesOn(store), leasesOn(await the.open())];
    await takenUnheard(leases, 'x');
    await leases.acquire('y');
    leases.start();
    expect(await others.acquire('x')).toBeUndefined();
    for (let beat = 1; beat <= 4; beat += 1) {
      clock.advance(TIMING.renewEveryMs);
      await expect.poll(() => beatOf('y'), { interval: 5 }).toBe(beat);
      // The next renewal is set when this one has been heard of.
      await expect.poll(() => clock.waiting, { interval: 5 }).toBe(1);
    }
    expect(await others.acquire('x')).toMatchObject({ token: 2 });
    expect(await others.acquire('y')).toBeUndefined();
    await leases.stop();
  });
});
