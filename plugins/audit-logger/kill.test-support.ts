import { AuditFile } from './audit-file.js';
import { BatchWriter } from './batch-writer.js';

// A program for kill.test.ts: writes numbered lines as fast as it can until somebody kills it.
const [path = '', from = '0'] = process.argv.slice(2);
const file = new AuditFile({
  path,
  maxBytes: 1e12,
  maxAgeMs: 1e12,
  keep: 3,
  sync: false,
  now: () => Date.now(),
});
const writer = new BatchWriter(file, {
  maxLines: 500,
  maxWaitMs: 5,
  maxQueueBytes: 100_000_000,
  lossLine: (count) => `{"lost":${String(count)}}\n`,
  onChange: () => undefined,
});
const filler = 'x'.repeat(2_000);

for (let n = Number(from); ; n += 1) {
  writer.add(`{"time":"${new Date().toISOString()}","n":${String(n)},"filler":"${filler}"}\n`);
  if (n % 500 === 499) {
    await writer.flush();
    process.stdout.write('.');
  }
}
