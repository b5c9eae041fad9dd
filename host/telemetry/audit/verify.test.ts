import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../clock.test-support.js';
import { describeEachStore } from '../../store/each-store.test-support.js';
import type { Store } from '../../store/store.js';
import { chained, contentOf, HEADS_ACTION, signedText } from './chain.js';
import { ChainWriter } from './chain-writer.js';
import { exportAudit, exportedSource } from './export.js';
import { openHostKey, type HostKey } from './host-key.js';
import { pruneChain } from './prune.js';
import { verifyStored } from './stored-source.js';
import { verifyAudit } from './verify.js';

let folder: string;
let store: Store;
let key: HostKey;
const clock = new FakeClock();

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulkhead verify-'));
  key = openHostKey(join(folder, 'a'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** Entries `1` to `count`, a millisecond apart. */
async function fill(count: number, of: HostKey = key): Promise<void> {
  const contents = Array.from({ length: count }, (_, n) =>
    contentOf({ actor: { kind: 'cli', id: 'ann' }, action: `do.${n + 1}`, outcome: 'allowed' }, n + 1),
  );
  await new ChainWriter(store, of).append(contents, clock.now());
}

const breaks = async () =>
  (await verifyStored(store)).breaks.map(({ host, seq, what }) => {
    expect(host).toBe(key.hostId);
    return [seq, what];
  });

describeEachStore('verifying the audit log', (the) => {
  beforeEach(async () => {
    store = await the.open();
  });

  test('an untouched chain is whole', async () => {
    await fill(10);
    expect(await breaks()).toEqual([]);
  });

  test.each([
    ['action', 'do.six'],
    ['actor_id', 'bob'],
    ['outcome', 'denied'],
    ['reason', ''],
    ['at', 7],
    ['details', '{}'],
  ] as const)('one changed %s is told with its entry', async (column, value) => {
    await fill(10);
    await store.db
      .updateTable('audit_log')
      .set({ [column]: value })
      .where('seq', '=', 6)
      .execute();
    expect(await breaks()).toEqual([[6, 'CHANGED']]);
  });

  test('a changed entry that was hashed anew breaks the link to the next one', async () => {
    await fill(10);
    const rows = await store.db.selectFrom('audit_log').selectAll().orderBy('seq').execute();
    const [before, old] = [rows[4], rows[5]];
    if (before === undefined || old === undefined) throw new Error('expected ten entries');
    const { host: _host, seq: _seq, prev: _prev, hash: _hash, ...content } = old;
    const { hash } = chained(key.hostId, before, { ...content, actor_id: 'bob' });
    await store.db.updateTable('audit_log').set({ actor_id: 'bob', hash }).where('seq', '=', 6).execute();
    expect(await breaks()).toEqual([[7, 'BROKEN_LINK']]);
  });

  test('a removed entry is told', async () => {
    await fill(10);
    await store.db.deleteFrom('audit_log').where('seq', '=', 6).execute();
    expect(await breaks()).toEqual([[6, 'MISSING']]);
  });

  test('two swapped entries are told', async () => {
    await fill(10);
    for (const [from, to] of [
      [6, 100],
      [7, 6],
      [100, 7],
    ] as const)
      await store.db.updateTable('audit_log').set({ seq: to }).where('seq', '=', from).execute();
    expect((await breaks()).slice(0, 2)).toEqual([
      [6, 'BROKEN_LINK'],
      [6, 'CHANGED'],
    ]);
  });

  test('a removed end is told by the head', async () => {
    await fill(10);
    await store.db.deleteFrom('audit_log').where('seq', '>', 7).execute();
    expect(await breaks()).toEqual([[8, 'END_MISSING']]);
  });

  test('a head that somebody else wrote is told, with another key beside it too', async () => {
    await fill(3);
    const other = openHostKey(join(folder, 'b'));
    const forge = async (publicKey: string): Promise<void> => {
      const last = await store.db
        .selectFrom('audit_log')
        .selectAll()
        .where('seq', '=', 2)
        .executeTakeFirstOrThrow();
      const place = { host: key.hostId, seq: 2, hash: last.hash, at: 5 };
      const signature = other.sign(signedText('head', place));
      await store.db
        .updateTable('audit_heads')
        .set({ ...place, public_key: publicKey, signature })
        .execute();
    };
    await forge(key.publicKey);
    expect(await breaks()).toEqual([[2, 'HEAD_INVALID']]);
    await forge(other.publicKey);
    expect(await breaks()).toEqual([[2, 'HEAD_INVALID']]);
  });

  test('an end that was removed with an old head put back is told by what another host noted', async () => {
    await fill(5);
    const oldHead = await store.db.selectFrom('audit_heads').selectAll().executeTakeFirstOrThrow();
    await fill(5);
    const seen = await store.db.selectFrom('audit_heads').selectAll().executeTakeFirstOrThrow();
    const other = openHostKey(join(folder, 'b'));
    await new ChainWriter(store, other).append(
      [
        contentOf(
          {
            actor: { kind: 'host', id: 'host' },
            action: HEADS_ACTION,
            outcome: 'allowed',
            details: { heads: [{ host: seen.host, seq: seen.seq, hash: seen.hash }] },
          },
          1,
        ),
      ],
      1,
    );
    await store.db.deleteFrom('audit_log').where('host', '=', key.hostId).where('seq', '>', 5).execute();
    await store.db.updateTable('audit_heads').set(oldHead).where('host', '=', key.hostId).execute();
    expect(await breaks()).toEqual([[10, 'END_MISSING']]);
  });

  test('an end that was removed is told by what the host noted beside its data', async () => {
    await fill(5);
    const { breaks: found } = await verifyStored(store, [
      { host: key.hostId, seq: 9, hash: 'x', by: 'this host’s note' },
    ]);
    expect(found).toMatchObject([{ seq: 9, what: 'END_MISSING' }]);
  });

  test('what is left after pruning verifies, and a checkpoint that nobody signed does not', async () => {
    await fill(10);
    expect(await pruneChain(store, key, 5, 100)).toMatchObject({ seq: 4 });
    expect(await verifyStored(store)).toMatchObject({
      ok: true,
      chains: [{ entries: 6, first: 5, last: 10, pruned_to: 4 }],
    });
    expect(await pruneChain(store, key, 5, 100)).toBeUndefined();
    expect(await pruneChain(store, key, 1_000, 100)).toMatchObject({ seq: 10 });
    expect(await breaks()).toEqual([]);
    await fill(2);
    expect(await breaks()).toEqual([]);
    await store.db.updateTable('audit_checkpoints').set({ at: 99 }).execute();
    expect(await breaks()).toEqual([[10, 'CHECKPOINT_INVALID']]);
  });

  test('an export verifies without the store, and one changed byte in it is told', async () => {
    await fill(10);
    const lines: string[] = [];
    for await (const line of exportAudit(store)) lines.push(line);
    const file = join(folder, 'audit.ndjson');
    await writeFile(file, `${lines.join('\n')}\n`);
    expect(await verifyAudit(exportedSource(file))).toMatchObject({ ok: true, chains: [{ entries: 10 }] });
    await writeFile(file, (await readFile(file, 'utf8')).replace('do.4', 'do.5'));
    expect((await verifyAudit(exportedSource(file))).breaks).toMatchObject([{ seq: 4, what: 'CHANGED' }]);
    await writeFile(file, '{"what":1}\n');
    await expect(verifyAudit(exportedSource(file))).rejects.toMatchObject({
      code: 'AUDIT_BROKEN',
      message: expect.stringContaining('line 1'),
    });
  });
});
