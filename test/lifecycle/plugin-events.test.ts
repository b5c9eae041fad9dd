import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { openStore } from '../../host/store/open-store.js';
import { fixture, realHost, type RealHost } from './real-host.test-support.js';

let real: RealHost | undefined;
afterEach(async () => {
  await real?.close();
});

test('plugins are told that one was loaded, failed and was unloaded, also when the host stops', async () => {
  real = await realHost({
    plugins: { noop: { plugin: fixture('noop') } },
    lifecycle: { backoff_initial_ms: 1 },
  });
  const { host, dataDir } = real;
  // Its plugin does not run here, so what it is told waits for it.
  await host.services?.events.subscriptions.subscribe('elsewhere', 'plugin.*', { kind: 'host', id: 'host' });
  await host.start();
  const [pid] = real.pids('noop');
  const again = real.ready('noop');
  process.kill(pid ?? 0, 'SIGKILL');
  await again;
  await host.stop();

  const store = await openStore({ path: join(dataDir, 'store', 'bulkhead.db') });
  const rows = await store.db.selectFrom('event_backlog').select(['topic', 'data']).orderBy('seq').execute();
  await store.close();
  expect(rows.map(({ topic, data }) => ({ topic, ...JSON.parse(data) }))).toMatchObject([
    { topic: 'plugin.lifecycle', plugin: 'noop', instance: 0, event: 'loaded' },
    { event: 'failed', code: 'PLUGIN_EXITED', quarantined: false },
    { event: 'loaded' },
    { event: 'unloaded', reason: expect.stringContaining('going down') },
  ]);
});
