import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHost } from '@bulkhead/host';
import { parseObject, type ObjectShapes } from '@bulkhead/proto/rules';
import { systemClock } from '../../host/dist/clock.js';
import { createOutbox } from '../../host/dist/events/create-outbox.js';
import { commitChange, type CommitParts } from '../../host/dist/objects/commit.js';
import { createHookRuns } from '../../host/dist/objects/hook-runs.js';
import { writeRow } from '../../host/dist/objects/object-rows.js';
import { createObjectTable } from '../../host/dist/objects/object-table.js';
import { NO_SEAL } from '../../host/dist/objects/seal.js';
import { openStore } from '../../host/dist/store/open-store.js';
import type { Store } from '../../host/dist/store/store.js';
import { createAuditLog, type AuditLog } from '../../host/dist/telemetry/audit/audit-log.js';
import { openHostKey } from '../../host/dist/telemetry/audit/host-key.js';
import { createSilentLogger } from '../../host/dist/telemetry/logger.js';
import type { Subject } from './measure.ts';

const CURATOR = join(import.meta.dirname, '../fixtures/plugins/curator');
const ACTOR = { kind: 'token', id: 'bench' } as const;

/** An llm that nobody has. */
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

/** What is written for such an llm, by the parts of the host that write it, in a store with nothing else. */
interface WrittenAlone {
  readonly store: Store;
  readonly audit: AuditLog;
  readonly commit: CommitParts<'llm'>;
  close(): Promise<void>;
}

async function openAlone(): Promise<WrittenAlone> {
  const directory = await mkdtemp(join(tmpdir(), 'bench-'));
  const store = await openStore({ path: join(directory, 'store', 'bulkhead.db') });
  const clock = systemClock;
  const log = createSilentLogger();
  const audit = createAuditLog({ store, key: openHostKey(directory), dataDir: directory, clock, log });
  await audit.start();
  return {
    store,
    audit,
    commit: {
      store,
      clock,
      log,
      audit,
      events: createOutbox(store, clock, log, { trimNow: () => Promise.resolve() }),
      runs: createHookRuns(NO_SEAL),
      seal: NO_SEAL,
      table: createObjectTable('llm', NO_SEAL),
      active: () => [],
    },
    async close() {
      await audit.stop();
      await store.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function parsed(): ObjectShapes['llm'] {
  const at = new Date().toISOString();
  return parseObject('llm', llm(['model-0', 'model-1']), {
    id: randomUUID(),
    etag: randomUUID(),
    created_at: at,
    updated_at: at,
  });
}

/** The floor: the row of such an llm, in a transaction of its own. */
export async function createObjectRowSubject(): Promise<Subject> {
  const { store, close } = await openAlone();
  return {
    async call() {
      const row = await writeRow(NO_SEAL, store.db, 'llm', parsed(), {});
      await store.transaction((trx) => trx.insertInto('objects').values(row).execute());
    },
    close,
  };
}

/** Object, event and chained audit entry of such an llm in one transaction, as objects with secrets are written. */
export async function createObjectTransactionSubject(): Promise<Subject> {
  const { store, audit, commit, close } = await openAlone();
  return {
    async call() {
      const object = parsed();
      const { id } = object;
      await store.transaction((trx) =>
        Promise.all([
          commit.table.insert(trx, object, {}),
          audit.write(trx, { actor: ACTOR, action: 'llm.create', target: `llm/${id}`, outcome: 'allowed' }),
          commit.events.append(trx, {
            topic: 'system.llm.created',
            dataJson: JSON.stringify({ type: 'llm', id, operation_id: randomUUID(), actor: ACTOR }),
          }),
        ]),
      );
    },
    close,
  };
}

/** The same as the host commits it: one batch, answered when its entry stands in the audit log's chain. */
export async function createObjectCommitSubject(): Promise<Subject> {
  const { commit, close } = await openAlone();
  return {
    async call() {
      const operation = {
        id: randomUUID(),
        type: 'llm',
        action: 'create',
        actor: ACTOR,
        depth: 0,
        dryRun: false,
        object: parsed(),
        idIsNew: true,
        notes: {},
      } as const;
      const { done } = await commitChange(commit, operation, operation.object, new Map());
      if (!done) throw new Error('expected the llm to be written');
    },
    close,
  };
}
