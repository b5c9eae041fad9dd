import { chmod, mkdtemp, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { permissionsOf } from '@bulkhead/proto/rules/schema';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../clock.js';
import { createGrantStore, type GrantStore } from './store.js';

const ID = 'com.example.guard';
const asked = permissionsOf(['services:kv.read', 'filesystem:ro:/srv', 'subprocess']);
const decision = { asked, granted: permissionsOf(['services:kv.read']), pluginVersion: '1.0.0', by: 'ada' };

let dataDir: string;
let file: string;
let store: GrantStore;
let now = Date.parse('2026-01-02T03:04:05Z');

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'bulkhead-grants-'));
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  file = join(dataDir, 'grants', `${ID}.json`);
  now = Date.parse('2026-01-02T03:04:05Z');
  store = createGrantStore(dataDir, { ...systemClock, now: () => now });
});

const code = (promise: Promise<unknown>) => expect(promise).rejects.toMatchObject({ code: 'GRANT_INVALID' });

describe('the store of grants', () => {
  it('knows nothing of a plugin that nobody decided about', async () => {
    expect(await store.get(ID)).toBeUndefined();
    expect(await store.history(ID)).toEqual([]);
  });

  it('keeps who decided what and when, in a file of its owner only', async () => {
    await store.put(ID, decision);
    now += 1_000;
    await store.put(ID, { ...decision, granted: asked, by: 'bob' });
    expect(await store.get(ID)).toEqual({
      ...decision,
      granted: asked,
      by: 'bob',
      at: '2026-01-02T03:04:06.000Z',
    });
    expect((await store.history(ID)).map(({ by, at }) => [by, at])).toEqual([
      ['ada', '2026-01-02T03:04:05.000Z'],
      ['bob', '2026-01-02T03:04:06.000Z'],
    ]);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(join(dataDir, 'grants'))).mode & 0o777).toBe(0o700);
    expect(await readdir(join(dataDir, 'grants'))).toEqual([`${ID}.json`]);
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ version: 1, id: ID });
  });

  it('keeps the last hundred decisions', async () => {
    for (let turn = 0; turn < 103; turn += 1) await store.put(ID, { ...decision, by: String(turn) });
    const kept = await store.history(ID);
    expect([kept.length, kept[0]?.by, kept.at(-1)?.by]).toEqual([100, '3', '102']);
  });

  it('believes no file that others may write, no link and no folder', async () => {
    await store.put(ID, decision);
    await chmod(file, 0o620);
    await code(store.get(ID));
    await rm(file);
    await writeFile(join(dataDir, 'elsewhere.json'), '{}', { mode: 0o600 });
    await symlink(join(dataDir, 'elsewhere.json'), file);
    await code(store.get(ID));
  });

  it('believes no text that is not what it wrote', async () => {
    await store.put(ID, decision);
    const text = await readFile(file, 'utf8');
    const faults = [
      text.slice(0, -20),
      '[]',
      text.replace('"version": 1', '"version": 2'),
      text.replace(ID, 'com.example.other'),
      text.replace('"kv.read"', '"kv.readwrite"'),
      text.replace(/"by": "ada"/, '"by": 7'),
      JSON.stringify({ version: 1, id: ID, decisions: [] }),
    ];
    for (const fault of faults) {
      expect(fault).not.toBe(text);
      await writeFile(file, fault);
      await code(store.get(ID));
    }
    await store.put(ID, decision);
    expect(await store.get(ID)).toMatchObject({ by: 'ada' });
  });

  it('takes no id that leads out of its folder', async () => {
    for (const id of ['../guard', 'a/b', '', '.', '..', 'a\0']) {
      await code(store.get(id));
      await code(store.put(id, decision));
    }
  });
});
