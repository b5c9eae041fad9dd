import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { permissionsOf, writePermissions } from '@bulkhead/proto/rules/schema';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../clock.js';
import { describeEachStore, type StoreOfTest } from '../store/each-store.test-support.js';
import type { Store } from '../store/store.js';
import { hashOfPermissions } from './grant.js';
import { GRANTS_CHANGED, openGrantStore, type GrantStore } from './store.js';

const ID = 'com.example.guard';
const asked = permissionsOf(['services:kv.read', 'filesystem:ro:/srv', 'subprocess']);
const decision = { asked, granted: permissionsOf(['services:kv.read']), pluginVersion: '1.0.0', by: 'ada' };

let dataDir: string;
let now: number;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'bulkhead-grants-'));
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  now = Date.parse('2026-01-02T03:04:05Z');
});

const openOn = (store: Store): Promise<GrantStore> =>
  openGrantStore({ store, dataDir, clock: { ...systemClock, now: () => now } });
const open = async (the: StoreOfTest): Promise<GrantStore> => openOn(await the.open());
const code = (promise: Promise<unknown>) => expect(promise).rejects.toMatchObject({ code: 'GRANT_INVALID' });

describeEachStore('grants', (the) => {
  it('know nothing of a plugin that nobody decided about', async () => {
    const grants = await open(the);
    expect(await grants.get(ID)).toBeUndefined();
    expect(await grants.history(ID)).toEqual([]);
    expect(await (await grants.snapshot()).get(ID)).toBeUndefined();
  });

  it('keep who decided what and when, for every host on the store', async () => {
    const grants = await open(the);
    await grants.put(ID, decision);
    now += 1_000;
    await grants.put(ID, { ...decision, granted: asked, by: 'bob' });
    const other = await open(the);
    const newest = { ...decision, granted: asked, by: 'bob', at: '2026-01-02T03:04:06.000Z' };
    expect(await other.get(ID)).toEqual(newest);
    expect(await (await other.snapshot()).get(ID)).toEqual(newest);
    expect((await other.history(ID)).map(({ by, at }) => [by, at])).toEqual([
      ['ada', '2026-01-02T03:04:05.000Z'],
      ['bob', '2026-01-02T03:04:06.000Z'],
    ]);
  });

  it('tell whoever listens that one was decided', async () => {
    const store = await the.open();
    const { promise, resolve } = Promise.withResolvers<string>();
    store.listen(GRANTS_CHANGED, resolve);
    await (await openOn(store)).put(ID, decision);
    expect(await promise).toBe(ID);
  });

  it('keep the last hundred decisions of a plugin', async () => {
    const grants = await open(the);
    await grants.put('com.example.other', decision);
    for (let turn = 0; turn < 103; turn += 1) await grants.put(ID, { ...decision, by: String(turn) });
    const kept = await grants.history(ID);
    expect([kept.length, kept[0]?.by, kept.at(-1)?.by]).toEqual([100, '3', '102']);
    expect(await grants.history('com.example.other')).toHaveLength(1);
  });

  it('take no id that is none', async () => {
    const grants = await open(the);
    for (const id of ['../guard', 'a/b', '', '.', 'a\0']) {
      await code(grants.get(id));
      await code(grants.put(id, decision));
    }
  });

  it('believe no row that cannot be read', async () => {
    const store = await the.open();
    const grants = await openOn(store);
    await grants.put(ID, decision);
    await store.db.updateTable('grants').set({ granted: '{' }).execute();
    await code(grants.get(ID));
    await code((await grants.snapshot()).get(ID));
    await grants.put(ID, decision);
    expect(await grants.get(ID)).toMatchObject({ by: 'ada' });
  });
});

/** A file as older releases wrote it. */
async function writeOlder(by: string, change: (text: string) => string = (text) => text): Promise<string> {
  await mkdir(join(dataDir, 'grants'), { recursive: true });
  const file = join(dataDir, 'grants', `${ID}.json`);
  const kept = {
    at: '2025-01-02T03:04:05.000Z',
    by,
    plugin_version: '0.9.0',
    asked: writePermissions(asked),
    asked_hash: hashOfPermissions(asked),
    granted: writePermissions(decision.granted),
  };
  await writeFile(file, change(JSON.stringify({ version: 1, id: ID, decisions: [kept] })), { mode: 0o600 });
  return file;
}

describeEachStore('grants of an older release', (the) => {
  it('are taken over once, and never over what was decided since', async () => {
    await writeOlder('ada');
    const grants = await open(the);
    expect(await grants.get(ID)).toMatchObject({
      by: 'ada',
      at: '2025-01-02T03:04:05.000Z',
      pluginVersion: '0.9.0',
    });
    expect(await readdir(join(dataDir, 'grants'))).toEqual(['taken-over']);
    await writeOlder('mallory');
    const again = await open(the);
    expect((await again.history(ID)).map(({ by }) => by)).toEqual(['ada']);
  });

  it('decide nothing when others could have written them, or nobody can read them', async () => {
    const file = await writeOlder('ada');
    await chmod(file, 0o620);
    await code((await open(the)).get(ID));
    await rm(file);
    await writeFile(join(dataDir, 'elsewhere.json'), '{}', { mode: 0o600 });
    await symlink(join(dataDir, 'elsewhere.json'), file);
    await code((await open(the)).get(ID));
    await rm(file);
    const faults: readonly ((text: string) => string)[] = [
      (text) => text.slice(0, -20),
      () => '[]',
      (text) => text.replace('"version":1', '"version":2'),
      (text) => text.replace(ID, 'com.example.other'),
      (text) => text.replace('"kv.read"', '"kv.readwrite"'),
      (text) => text.replace('"by":"ada"', '"by":7'),
      () => JSON.stringify({ version: 1, id: ID, decisions: [] }),
    ];
    const store = await the.open();
    for (const fault of faults) {
      await writeOlder('ada', fault);
      const grants = await openOn(store);
      await code(grants.get(ID));
      await code((await grants.snapshot()).get(ID));
    }
    await (await openOn(store)).put(ID, decision);
    expect(await (await openOn(store)).get(ID)).toMatchObject({ by: 'ada', pluginVersion: '1.0.0' });
  });
});
