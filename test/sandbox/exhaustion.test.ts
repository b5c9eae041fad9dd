import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { buildProgram, readResults, type Call } from '../../host/sidecar/wall/seccomp/filter.test-support.js';
import { Scene, WALLS } from './sandbox.test-support.js';

let scene: Scene | undefined;
afterEach(async () => {
  await scene?.close();
  scene = undefined;
});

async function open(wall: string, subprocess: boolean, limits: object = {}): Promise<Scene> {
  scene = await Scene.open(wall, { limits, grants: { subprocess } });
  return scene;
}

describe.each(WALLS)('a plugin that uses things up behind the %s wall', (wall) => {
  test.each([
    ['memory', 'eat-memory', false, { memory_mb: 200 }, 'OUT_OF_MEMORY: out of memory: it may use 200 MiB'],
    [
      'threads',
      'thread-bomb',
      false,
      { processes: 60, memory_mb: 8_000 },
      'LIMIT_EXCEEDED: too many processes: it may have 60',
    ],
    [
      'processes',
      'fork-bomb',
      true,
      { processes: 60, memory_mb: 8_000 },
      'LIMIT_EXCEEDED: too many processes: it may have 60',
    ],
    [
      'disk',
      'fill-disk',
      false,
      { disk_mb: 24 },
      'LIMIT_EXCEEDED: too much on disk: its directories may hold 24 MiB',
    ],
  ] as const)(
    'all the %s it can get is ended, the reason is said, and its neighbour serves on',
    async (_what, attempt, subprocess, limits, reason) => {
      const { host, folder } = await open(wall, subprocess, limits);
      const failed = scene?.failure();
      const path = join(folder, 'data', 'data', 'hostile', 'filled');
      const misbehaving = host.invoke('tool_pre_invoke', { name: 'x', args: { attempt, path } });
      expect(await failed).toContain(reason);
      await misbehaving;
      const neighbour = host.status().plugins.find(({ name }) => name === 'neighbour');
      expect(neighbour).toMatchObject({ serving: true, restarts: 0 });
    },
  );

  test(`the private /tmp ${wall === 'strict' ? 'is full before memory is' : 'is not there'}`, async () => {
    const opened = await open(wall, false);
    expect(await opened.attempt('fill-tmp')).toEqual({
      refused: wall === 'strict' ? 'ENOSPC' : 'ERR_ACCESS_DENIED',
    });
  });

  test.runIf(process.arch === 'x64')(
    `calls that reach other processes and the kernel are ${wall === 'strict' ? 'refused' : 'possible'} to what a plugin may start`,
    async () => {
      const opened = await open(wall, true);
      const calls: readonly Call[] = [
        { number: 101, args: [0] }, // ptrace(PTRACE_TRACEME)
        { number: 250, args: [0, -3, 0] }, // keyctl(GET_KEYRING_ID)
        { number: 272, args: [0] }, // unshare
      ];
      const outcome = await opened.attempt('system-calls', {
        program: buildProgram(calls).toString('base64'),
      });
      const results = readResults(Buffer.from('got' in outcome ? String(outcome.got) : '', 'base64'));
      if (wall === 'strict') expect(results).toEqual([-1, -1, -1]);
      else expect([results[0], results[2]]).toEqual([0, 0]);
    },
  );
});
