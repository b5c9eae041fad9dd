import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHost } from '@bulkhead/host';
import { median } from './measure.ts';
import { payload } from './payload.ts';

/** Proportional set size in MB; a page that n processes share counts 1/n. */
async function pssMb(pid: number): Promise<number> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1]) / 1024;
}

const count = Number(process.argv[2]);
const directory = await mkdtemp(join(tmpdir(), 'bench-'));
const plugin = join(import.meta.dirname, '../fixtures/plugins/noop');
const RESTARTS = 5;
const host = await createHost({
  environment: 'development',
  host: { data_dir: directory, sandbox: process.argv[3] },
  log: { level: 'warn' },
  plugins: Object.fromEntries(Array.from({ length: count }, (_, i) => [`noop_${i}`, { plugin }])),
});
const begin = performance.now();
await host.start();
const startMs = performance.now() - begin;
// Of one plugin alone, in a host that knows its sandbox already.
const restarts: number[] = [];
for (let restart = 0; restart < RESTARTS; restart += 1) {
  await host.reload('noop_0');
  const state = host.status().plugins[0]?.state;
  if (state?.kind === 'ready') restarts.push(state.startMs);
}
for (let i = 0; i < 2_000; i += 1) await host.invoke('tool_pre_invoke', payload);
const pids = host.status().plugins.flatMap((status) => status.instances.map((instance) => instance.pid));
const plugins = await Promise.all(pids.map(async (pid) => pssMb(pid ?? 0)));
const hostPssMb = await pssMb(process.pid);
await host.stop();
await rm(directory, { recursive: true, force: true });
process.stdout.write(
  JSON.stringify({
    startMs,
    restartMs: median(restarts),
    hostPssMb,
    pluginPssMb: plugins.reduce((sum, mb) => sum + mb, 0) / plugins.length,
  }),
);
