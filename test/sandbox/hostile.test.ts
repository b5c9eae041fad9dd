import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ATTEMPTS } from './attempts.test-support.js';
import { NO_OWN_USERS, Scene, WALLS } from './sandbox.test-support.js';

const USERS = NO_OWN_USERS === undefined ? (['own'] as const) : [];

describe.each([...WALLS, ...USERS])('a hostile plugin behind the %s wall', (wall) => {
  let scene: Scene;
  beforeAll(async () => {
    scene = wall === 'own' ? await Scene.open('basic', {}, true) : await Scene.open(wall);
  });
  afterAll(() => scene.close());

  test.each(ATTEMPTS.map((attempt) => [attempt.what, attempt[wall], attempt] as const))(
    '%s: %s',
    async (_what, expected, { attempt, target }) => {
      const outcome = await scene.attempt(attempt, await target?.(scene));
      expect(['got' in outcome ? 'possible' : 'refused', outcome]).toEqual([expected, outcome]);
    },
  );

  test('plants nothing', () => {
    expect(readdirSync(scene.folder).sort()).toEqual(['data', 'secret']);
  });
});
