import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { execaNode } from 'execa';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { systemClock, type Clock } from '../../clock.js';
import { FakeClock } from '../../clock.test-support.js';
import { describeEachStore, type StoreOfTest } from '../../store/each-store.test-support.js';
import type { Store } from '../../store/store.js';
import { isUniqueViolation } from '../../store/unique-violation.js';
import { createSilentLogger } from '../logger.js';
import type { AuditEntry } from '../audit.js';
import { createAuditLog, type AuditLog } from './audit-log.js';
import { createChangeAudit } from './change-audit.js';
import { readHeadFile } from './head-file.js';
import { openHostKey } from './host-key.js';
import { listAudit } from './list.js';
import { verifyStored } from './stored-source.js';

let folder: string;
let store: Store;
let logs: AuditLog[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulkhead audit-'));
  logs = [];
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** Logs stop before their store closes. */
function useStore(the: StoreOfTest): void {
  beforeEach(async () => {
    store = await the.open();
  });
  afterEach(async () => {
    for (const log of logs) await log.stop();
  });
}

function open(
  name = 'a',
  change: { readonly store?: Store; readonly keepDays?: number; readonly clock?: Clock } = {},
): AuditLog {
  const dataDir = join(folder, name);
  const log = createAuditLog({
    store,
    key: openHostKey(dataDir),
    dataDir,
    clock: systemClock,
    log: createSilentLogger(),
    ...change,
  });
  logs.push(log);
  return log;
}

const entry = (action: string, change: Partial<AuditEntry> = {}): AuditEntry => ({
  actor: { kind: 'cli', id: 'ann' },
  action,
  outcome: 'allowed',
  ...change,
});
const change = (audit: AuditLog, action: string): Promise<void> =>
  store.transaction((trx) => audit.write(trx, entry(action)));
const actions = async (): Promise<string[]> => {
  const { entries } = await listAudit(store, {}, { size: 1_000 });
  return entries.map(({ action }) => action).sort();
};

describeEachStore('the audit log', (the) => {
  useStore(the);

  test('takes in what a command of the same data directory committed, before it starts and while it runs', async () => {
    const beside = createChangeAudit(join(folder, 'a'), systemClock);
    const decide = (action: string): Promise<void> =>
      store.transaction((trx) => beside.write(trx, entry(action)));
    await decide('before');
    const audit = open();
    await audit.start();
    await decide('meanwhile');
    await change(audit, 'own');
    await audit.caughtUp();
    expect(await actions()).toEqual(['before', 'meanwhile', 'own']);
    expect(await store.db.selectFrom('audit_pending').selectAll().execute()).toEqual([]);
  });

  test('chains what changed nothing and what changed something, and settles when it stands', async () => {
    const audit = open();
    await audit.start();
    audit.note(entry('hook.denied', { outcome: 'denied', code: 'PII', details: { times: 1 } }));
    await change(audit, 'llm.create');
    await audit.settled();
    expect(await actions()).toEqual(['hook.denied', 'llm.create']);
    const verified = await verifyStored(store);
    expect(verified).toMatchObject({ ok: true, breaks: [], chains: [{ entries: 2, first: 1, last: 2 }] });
  });

  test('an entry falls with the change that it tells of', async () => {
    const audit = open();
    await expect(
      store.transaction(async (trx) => {
        await audit.write(trx, entry('llm.create'));
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    await audit.settled();
    expect(await actions()).toEqual([]);
  });

  test('a change takes its entry along into the chain, in its own commit', async () => {
    const audit = open();
    await audit.start();
    await store.transaction(async (trx) => {
      await audit.write(trx, entry('one'));
      await audit.write(trx, entry('two'));
    });
    await audit.batch(store, [], entry('three'));
    expect(await actions()).toEqual(['one', 'three', 'two']);
    expect(await store.db.selectFrom('audit_pending').selectAll().execute()).toEqual([]);
    const verified = await verifyStored(store);
    expect(verified).toMatchObject({ ok: true, chains: [{ last: 3 }] });
  });

  test('a change that falls leaves the chain as it was, and the next one follows', async () => {
    const audit = open();
    await audit.start();
    const credential = store.db
      .insertInto('object_credentials')
      .values({ type: 'app', hash: 'sha256:1', object_id: 'a' });
    await audit.batch(store, [credential], entry('first'));
    await expect(audit.batch(store, [credential], entry('again'))).rejects.toSatisfy(isUniqueViolation);
    await expect(
      store.transaction(async (trx) => {
        await audit.write(trx, entry('undone'));
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    await change(audit, 'last');
    await audit.settled();
    expect(await actions()).toEqual(['first', 'last']);
    expect(await verifyStored(store)).toMatchObject({ ok: true, chains: [{ last: 2 }] });
  });

  test('changes that meet are each chained once, beside what changed nothing', async () => {
    const audit = open();
    await audit.start();
    const names = Array.from({ length: 60 }, (_, n) => `change ${n}`).sort();
    await Promise.all(
      names.map(async (name, n) => {
        if (n % 3 === 0) audit.note(entry(name));
        else if (n % 3 === 1) await change(audit, name);
        else await audit.batch(store, [], entry(name));
        await audit.settled();
      }),
    );
    expect(await actions()).toEqual(names);
    expect((await verifyStored(store)).breaks).toEqual([]);
  });

  test('a change whose commit got no answer stands in the chain once, and the next one follows', async () => {
    let lost = false;
    const unsure: Store = {
      ...store,
      async batch(queries) {
        const results = await store.batch(queries);
        if (!lost) return results;
        lost = false;
        throw new BulkheadError(ErrorCode.STORE_UNAVAILABLE, 'the answer is lost');
      },
    };
    const audit = open('a', { store: unsure });
    await audit.start();
    lost = true;
    await expect(audit.batch(unsure, [], entry('lost'))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await audit.batch(unsure, [], entry('next'));
    await audit.settled();
    expect(await actions()).toEqual(['lost', 'next']);
    expect((await verifyStored(store)).breaks).toEqual([]);
  });

  test('two that write one chain, with a copy of the key, get in each other’s way and still lose nothing', async () => {
    const [a, b] = [open('a'), open('a')];
    await a.start();
    await b.start();
    const names = Array.from({ length: 12 }, (_, n) => `change ${n}`).sort();
    for (const [n, name] of names.entries()) {
      const audit = n % 2 === 0 ? a : b;
      await change(audit, name);
      await audit.settled();
    }
    expect(await actions()).toEqual(names);
    expect((await verifyStored(store)).breaks).toEqual([]);
  });

  test('chains at its start what a killed process had committed', async () => {
    const killed = open();
    await change(killed, 'llm.create');
    await change(killed, 'llm.delete');
    // `killed` writes nothing any more; its successor has the same key.
    const audit = open();
    await audit.start();
    expect(await actions()).toEqual(['llm.create', 'llm.delete']);
  });

  test('a write without an answer is neither lost nor doubled', async () => {
    let answers = 0;
    const unsure: Store = {
      ...store,
      async batch(queries) {
        answers += 1;
        if (answers === 1) throw new Error('the connection broke before it was done');
        const results = await store.batch(queries);
        if (answers === 2) throw new Error('the connection broke after it was done');
        return results;
      },
    };
    const audit = open('a', { store: unsure });
    await change(audit, 'one');
    audit.note(entry('two'));
    await audit.settled();
    audit.note(entry('three'));
    await audit.settled();
    expect(await actions()).toEqual(['one', 'three', 'two']);
    expect((await verifyStored(store)).ok).toBe(true);
  });

  test('hosts on one store have a chain each, and note where the others stand', async () => {
    const [a, b] = [open('a'), open('b')];
    await Promise.all(
      Array.from({ length: 20 }, async (_, n) => {
        await change(n % 2 === 0 ? a : b, `change ${n}`);
      }),
    );
    await Promise.all([a.settled(), b.settled()]);
    await a.start();
    await a.settled();
    const verified = await verifyStored(store);
    expect(verified.breaks).toEqual([]);
    expect(verified.chains.map(({ entries }) => entries).sort((one, other) => one - other)).toEqual([10, 11]);
  });

  test('a host takes over what another one committed and never chained, and says where it happened', async () => {
    const gone = open('gone');
    await gone.start();
    await change(gone, 'chained');
    await gone.settled();
    await gone.stop();
    // As when it is killed between a change and its chain.
    const beside = createChangeAudit(join(folder, 'gone'), systemClock);
    await store.transaction((trx) => beside.write(trx, entry('llm.create', { details: { name: 'gpt' } })));
    await store.transaction((trx) => beside.write(trx, entry('llm.delete')));
    const clock = new FakeClock(Date.parse('2026-01-01T00:00:00Z'));
    const other = open('other', { clock });
    await other.start();
    const pending = () => store.db.selectFrom('audit_pending').select('host').execute();
    for (let turn = 0; turn < 5; turn += 1) {
      clock.advance(10_000);
      await other.settled();
    }
    expect(await pending()).toHaveLength(2);
    await vi.waitFor(async () => {
      clock.advance(10_000);
      await other.settled();
      expect(await pending()).toEqual([]);
    });
    const { hostId } = openHostKey(join(folder, 'gone'));
    const { entries } = await listAudit(
      store,
      { host: openHostKey(join(folder, 'other')).hostId },
      { size: 10 },
    );
    expect(entries.map(({ action, details }) => [action, details])).toEqual(
      expect.arrayContaining([
        ['llm.create', { name: 'gpt', happened_on: hostId }],
        ['llm.delete', { happened_on: hostId }],
        ['audit.taken_over', { host: hostId, count: 2 }],
      ]),
    );
    const back = open('gone');
    await back.start();
    await change(back, 'back');
    await back.settled();
    expect((await verifyStored(store)).breaks).toEqual([]);
    expect((await actions()).filter((action) => action === 'llm.create')).toHaveLength(1);
  });

  test('a host whose entries are taken over while it chains them chains none of them', async () => {
    let steal: (() => Promise<unknown>) | undefined;
    const slow: Store = {
      ...store,
      async batch(queries) {
        await steal?.();
        steal = undefined;
        return store.batch(queries);
      },
    };
    const audit = open('a', { store: slow });
    await change(audit, 'one');
    await change(audit, 'two');
    steal = () =>
      store.db.updateTable('audit_pending').set({ host: 'other' }).where('action', '=', 'two').execute();
    await audit.settled();
    expect(await actions()).toEqual(['one']);
    expect(await store.db.selectFrom('audit_pending').select('action').execute()).toEqual([
      { action: 'two' },
    ]);
    expect((await verifyStored(store)).breaks).toEqual([]);
  });

  test('holds a bounded number of notes, and says how many it left out', async () => {
    const audit = open();
    for (let n = 0; n < 10_500; n += 1) audit.note(entry('flood'));
    await audit.settled();
    await audit.settled();
    const { entries } = await listAudit(store, { action: 'audit.left_out' }, { size: 10 });
    expect(entries).toMatchObject([{ details: { count: 500 }, outcome: 'error' }]);
    const { chains, ok } = await verifyStored(store);
    expect({ ok, entries: chains[0]?.entries }).toEqual({ ok: true, entries: 10_001 });
  });

  test('keeps texts within bounds, and secrets out', async () => {
    const audit = open();
    audit.note(
      entry('x', {
        reason: `\0${'y'.repeat(5_000)}\uD800`,
        details: { password: 'hunter2', big: 'z'.repeat(100) },
      }),
    );
    audit.note(
      entry('y', {
        details: Object.fromEntries(Array.from({ length: 90 }, (_, n) => [`k${n}`, 'z'.repeat(200)])),
      }),
    );
    await audit.settled();
    const { entries } = await listAudit(store, {}, { size: 10 });
    const [second, first] = entries;
    expect(first?.reason?.length).toBe(2_001);
    expect(first?.details).toEqual({ password: '[redacted]', big: 'z'.repeat(100) });
    expect(second?.details).toMatchObject({ left_out: expect.stringContaining('characters') });
    expect((await verifyStored(store)).ok).toBe(true);
  });

  test('its key is the owner’s alone, and its head is noted beside the data', async () => {
    const audit = open();
    audit.note(entry('x'));
    await audit.stop();
    const { mode } = await stat(join(folder, 'a', 'audit-key.pem'));
    expect(mode & 0o777).toBe(0o600);
    expect(readHeadFile(join(folder, 'a'))).toMatchObject({ seq: 1 });
    expect(openHostKey(join(folder, 'a')).hostId).toBe(openHostKey(join(folder, 'a')).hostId);
  });

  test('says so in the chain when the chain is shorter than this host had written', async () => {
    const before = open();
    before.note(entry('one'));
    before.note(entry('two'));
    await before.stop();
    await store.db.deleteFrom('audit_log').execute();
    await store.db.deleteFrom('audit_heads').execute();
    const audit = open();
    await audit.start();
    await audit.settled();
    expect(await actions()).toEqual(['audit.end_missing']);
  });
});

describeEachStore('a process that is killed while it writes', (the) => {
  useStore(the);

  test('loses nothing that was acknowledged, doubles nothing, and leaves a chain that verifies', async () => {
    const child = execaNode(
      new URL('fixtures/killed-writer.mjs', import.meta.url).pathname,
      [JSON.stringify(await the.options()), join(folder, 'a')],
      {
        reject: false,
      },
    );
    const acknowledged = new Set<string>();
    for await (const line of child.iterable()) {
      acknowledged.add(line);
      if (acknowledged.size === 150) child.kill('SIGKILL');
    }
    await child;
    expect(acknowledged.size).toBeGreaterThanOrEqual(150);
    const audit = open();
    await audit.start();
    await audit.settled();
    const seen = await actions();
    expect(new Set(seen).size).toBe(seen.length);
    expect([...acknowledged].filter((action) => !seen.includes(action))).toEqual([]);
    const verified = await verifyStored(store);
    expect(verified.breaks).toEqual([]);
  });
});
