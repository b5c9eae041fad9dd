import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHost } from '@bulkhead/host';
import { parseObject } from '@bulkhead/proto/rules';
import { writeRow } from '../../host/dist/objects/object-rows.js';
import { NO_SEAL } from '../../host/dist/objects/seal.js';
import { openStore } from '../../host/dist/store/open-store.js';
import type { Subject } from './measure.ts';

const CURATOR = join(import.meta.dirname, '../fixtures/plugins/curator');
const ACTOR = { kind: 'token', id: 'bench' } as const;

/** An llm that nobody has; with what the hooks add it is `written`. */
function llm(models: readonly string[]): object {
  const slug = randomUUID();
  return {
    name: `LLM ${slug}`,
    slug,
    vendor: 'anthropic',
    endpoint: 'https://llm.example/v1',
    description: 'the one that reports are written with',
    models,
  };
}

/** An llm created as over REST, but for HTTP: judged by `hooks` plugins in processes of their own, then kept. */
export async function createObjectSubject(hooks: number): Promise<Subject> {
  const directory = await mkdtemp(join(tmpdir(), 'bench-'));
  const host = await createHost({
    environment: 'development',
    host: { data_dir: directory, sandbox: 'basic' },
    log: { level: 'warn' },
    link: { mtls: 'never' },
    plugins: Object.fromEntries(
      Array.from({ length: hooks }, (_, i) => [`curator_${i}`, { plugin: CURATOR }]),
    ),
  });
  await host.start();
  return {
    async call() {
      const created = await host.services?.objects.llm.create(ACTOR, llm([]));
      if (created?.models.length !== hooks) throw new Error(`expected ${hooks} hooks to have changed it`);
    },
    async close() {
      await host.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The floor: the row of such an llm, written in a transaction of its own. */
export async function createObjectRowSubject(): Promise<Subject> {
  const directory = await mkdtemp(join(tmpdir(), 'bench-'));
  const store = await openStore({ path: join(directory, 'store', 'bulkhead.db') });
  const at = new Date(0).toISOString();
  return {
    async call() {
      const object = parseObject('llm', llm(['model-0', 'model-1']), {
        id: randomUUID(),
        etag: 'etag',
        created_at: at,
        updated_at: at,
      });
      const row = writeRow(NO_SEAL, 'llm', object, {});
      await store.transaction(async (trx) => trx.insertInto('objects').values(row).execute());
    },
    async close() {
      await store.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
