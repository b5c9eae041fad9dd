import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import { systemClock } from '../clock.js';
import { describeEachStore } from '../store/each-store.test-support.js';
import { hooked, openObjects } from './objects.test-support.js';

const DYING_HOST = fileURLToPath(new URL('fixtures/dying-host.mjs', import.meta.url));
/** Longer than a run that its host does not end is left alone. */
const LATER_MS = 60_000;

describeEachStore('a host that is killed', (the) => {
  test.each([
    ['before', 'committed'],
    ['during', 'after_create'],
  ])('%s its after hook leaves it to the next one, with the same operation id', async (when, last) => {
    const child = spawn(process.execPath, [DYING_HOST, JSON.stringify(await the.options()), when], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => {
      child.kill('SIGKILL');
    });
    const said: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      said.push(line);
      if (line.startsWith(last)) break;
    }
    child.kill('SIGKILL');
    await once(child, 'exit');
    const operationId = said.find((line) => line.startsWith('before_create'))?.split(' ')[1];
    expect(operationId).toMatch(/^[0-9a-f-]{36}$/);

    const ran: string[] = [];
    const next = await openObjects(
      [
        hooked('p', [{ object: 'llm', hooks: ['after_create'], priority: 1 }], (request) => {
          ran.push(request.operationId);
          return { metadata: { synced: 'true' } };
        }),
      ],
      { store: await the.open(), clock: { ...systemClock, now: () => Date.now() + LATER_MS } },
    );
    next.start();
    await vi.waitFor(
      async () => {
        const { items } = await next.objects.llm.list();
        expect(items.map(({ metadata }) => metadata)).toEqual([{ 'plugin:test.p': { synced: true } }]);
      },
      { timeout: 10_000, interval: 10 },
    );
    expect(ran).toEqual([operationId]);
  });
});
