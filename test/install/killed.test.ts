import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLI, createProject, pluginPackage, writePackage, type TestProject } from './project.test-support.js';
import { startRegistry, type TestRegistry } from './registry.test-support.js';

const ID = 'dev.test.guard';
const DIE_AT = join(import.meta.dirname, 'fixtures', 'die-at.mjs');
const NO_REGISTRY = 'http://127.0.0.1:9/';
/** More changes than one installation makes. */
const MAX_STEPS = 200;

/** Holds a project to one of two versions as a whole, by what the next installer finds before it does anything new. */
async function versionOf(project: TestProject): Promise<string> {
  const [there] = await project.install('--frozen');
  const locked = String((await project.lock()).plugins[ID]?.['version']);
  expect(there?.version).toBe(locked);
  expect(await project.current(ID)).toContain(`${locked}-`);
  expect(await project.leftovers()).toEqual([]);
  expect((await readdir(project.folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  return locked;
}

describe('an installer that is killed', () => {
  it('before each of its changes, one after the other, leaves the old state and from one on the new one', async () => {
    await using project = await createProject(NO_REGISTRY);
    await writePackage(project, 'one', pluginPackage());
    await writePackage(project, 'two', pluginPackage({ version: '1.1.0' }));
    await project.install('./one');
    const state = join(project.folder, 'state-of-one');
    const kept = ['.bulkhead', 'plugins.lock.json'];
    execFileSync('mkdir', [state]);
    execFileSync('cp', ['-a', ...kept, state], { cwd: project.folder });
    const seen: string[] = [];
    let killed = true;
    for (let step = 1; killed && step < MAX_STEPS; step += 1) {
      for (const name of kept) await rm(join(project.folder, name), { recursive: true });
      execFileSync('cp', ['-a', ...kept.map((name) => join(state, name)), project.folder]);
      const child = spawn(process.execPath, ['--import', DIE_AT, CLI, 'plugin', 'install', './two'], {
        cwd: project.folder,
        env: { ...project.env, DIE_AT: String(step) },
        stdio: 'ignore',
      });
      const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
      killed = signal === 'SIGKILL';
      seen.push(await versionOf(project));
    }
    expect(killed).toBe(false);
    expect(new Set(seen)).toEqual(new Set(['1.0.0', '1.1.0']));
    expect(seen).toEqual(seen.toSorted());
  }, 240_000);

  describe('with its package manager', () => {
    let registry: TestRegistry;

    beforeAll(async () => {
      registry = await startRegistry();
      await registry.publish({ name: 'left', version: '1.0.0', files: { 'index.js': '' } });
      for (const version of ['1.0.0', '1.1.0'])
        await registry.publish(pluginPackage({ version, described: { dependencies: { left: '^1' } } }));
    });

    afterAll(() => registry[Symbol.asyncDispose]());

    it('at times spread over the whole run, leaves the old state or the new one', async () => {
      await using project = await createProject(registry.url);
      await project.install('@test/guard@1.0.0');
      let now = '1.0.0';
      for (let round = 0; round < 10; round += 1) {
        const next = now === '1.0.0' ? '1.1.0' : '1.0.0';
        await rm(join(project.folder, '.bulkhead', 'cache'), { recursive: true, force: true });
        const child = spawn(process.execPath, [CLI, 'plugin', 'install', `@test/guard@${next}`], {
          cwd: project.folder,
          env: project.env,
          stdio: 'ignore',
          detached: true,
        });
        const exited = once(child, 'exit');
        await Promise.race([delay(150 + round * 100), exited]);
        try {
          process.kill(-(child.pid ?? 0), 'SIGKILL');
        } catch {
          // It ended by itself.
        }
        await exited;
        const there = await versionOf(project);
        expect([now, next]).toContain(there);
        now = there;
      }
    }, 180_000);
  });
});
