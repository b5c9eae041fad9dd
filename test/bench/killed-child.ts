// A host with plugins that run, there to be killed: says when they do, and waits.
import { join } from 'node:path';
import { createHost } from '@bulkhead/host';

const [count, sandbox, directory] = process.argv.slice(2);
const plugin = join(import.meta.dirname, '../fixtures/plugins/noop');
const host = await createHost({
  environment: 'development',
  host: { data_dir: directory, sandbox },
  log: { level: 'warn' },
  plugins: Object.fromEntries(Array.from({ length: Number(count) }, (_, i) => [`noop_${i}`, { plugin }])),
});
await host.start();
process.stdout.write('running\n');
setInterval(() => {}, 60_000);
