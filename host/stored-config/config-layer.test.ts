import { ErrorCode } from '@bulkhead/proto';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../clock.js';
import { plugin, resolve, type TestOptions } from '../config/config.test-support.js';
import { explainPlugin } from '../config/explain.js';
import type { LoadedConfig } from '../config/loaded-config.js';
import { NOTHING_STORED, type Stored } from '../config/stored.js';
import { describeEachStore, type StoreOfTest } from '../store/each-store.test-support.js';
import { createSilentLogger } from '../telemetry/logger.js';
import { NO_AUDIT, type Actor, type AuditEntry } from '../telemetry/audit.js';
import { CONFIG_CHANGED, createConfigLayer, layerOf, type ConfigLayer } from './config-layer.js';
import { showLeaves } from './describe-entry.js';
import { TEST_SEAL } from './seal.test-support.js';
import { createStoreFollower, storedRevision } from './follow-store.js';

const ada: Actor = { kind: 'token', id: 'ada' };
const other: Actor = { kind: 'plugin', id: 'approvals' };
const NOW = Date.parse('2026-01-02T03:04:05Z');
const guard = plugin({
  name: 'guard',
  config_schema: {
    type: 'object',
    additionalProperties: false,
    properties: {
      level: { type: 'string', default: 'low', enum: ['low', 'high', '${env:HOME}'] },
      words: { type: 'array', items: { type: 'string' } },
      limits: {
        type: 'object',
        properties: { size: { type: 'integer' }, age: { type: 'integer', default: 3 } },
      },
      token: { type: 'string', writeOnly: true },
    },
  },
});
const FILE = {
  host: { env_allow: ['WORD'] },
  plugins: { guard: { priority: 5, config: { words: ['file'] } } },
};
const OPTIONS: TestOptions = { plugins: [guard], env: { WORD: 'read' } };

interface Setting {
  readonly layer: ConfigLayer;
  readonly audited: AuditEntry[];
  load(): Promise<LoadedConfig>;
}

async function open(
  the: StoreOfTest,
  file: object = FILE,
  writes: 'allow' | 'refuse' = 'allow',
): Promise<Setting> {
  const audited: AuditEntry[] = [];
  const loadWith = (layer: Stored['layer']): Promise<LoadedConfig> =>
    resolve(file, { ...OPTIONS, stored: async () => ({ ...NOTHING_STORED, layer }) });
  const layer = createConfigLayer({
    store: await the.open(),
    clock: { ...systemClock, now: () => NOW },
    audit: {
      ...NO_AUDIT,
      write: async (_trx, entry) => {
        audited.push(entry);
      },
    },
    writes: () => writes,
    seal: TEST_SEAL,
    check: async (candidate) => (await loadWith(candidate)).config.plugins,
  });
  return { layer, audited, load: async () => loadWith(layerOf(await layer.entries(), TEST_SEAL)) };
}

const guardOf = ({ config }: LoadedConfig) => config.plugins.find(({ name }) => name === 'guard');

describeEachStore('the layer of the configuration in the store', (the) => {
  it('stands over every file, value by value', async () => {
    const { layer, load } = await open(the);
    await layer.set(ada, 'guard', { set: { priority: 9, config: { limits: { size: 7 }, level: 'high' } } });
    await layer.set(ada, 'guard', { set: { config: { limits: { age: 4 }, words: ['a', 'b'] } } });
    const entry = guardOf(await load());
    expect(entry?.hooks[0]?.priority).toBe(9);
    expect(entry?.config).toEqual({ level: 'high', limits: { size: 7, age: 4 }, words: ['a', 'b'] });
  });

  it('keeps what a map holds when an empty one is merged into it', async () => {
    const { layer, load } = await open(the);
    await layer.set(ada, 'guard', { set: { config: { limits: { size: 7 }, level: 'high' } } });
    await layer.set(other, 'guard', { set: { config: {} } });
    await layer.set(other, 'guard', { set: { config: { limits: {} } } });
    expect(guardOf(await load())?.config).toMatchObject({ level: 'high', limits: { size: 7 } });
  });

  it('removes by null what lower layers say, and lets them count again after a reset', async () => {
    const { layer, load } = await open(the);
    await layer.set(ada, 'guard', { set: { config: { words: null, level: 'high' } } });
    expect(guardOf(await load())?.config).toEqual({ level: 'high' });
    await layer.set(ada, 'guard', { reset: [['config', 'words']] });
    expect(guardOf(await load())?.config).toMatchObject({ words: ['file'], level: 'high' });
    await layer.set(ada, 'guard', { reset: [[]] });
    expect(guardOf(await load())?.config).toMatchObject({ level: 'low' });
  });

  it('keeps who set each value and when, which explain tells', async () => {
    const { layer, load } = await open(the);
    await layer.set(ada, 'guard', { set: { config: { level: 'high' } } });
    const rows = explainPlugin(await load(), 'guard');
    expect(rows.find(({ key }) => key === 'config.level')?.origin).toEqual({
      layer: 'store',
      by: 'token:ada',
      at: '2026-01-02T03:04:05.000Z',
    });
    expect(rows.find(({ key }) => key === 'config.words[0]')?.origin.layer).toBe('configuration object');
  });

  it('refuses what the configuration would not be valid with, and writes nothing', async () => {
    const { layer, audited } = await open(the);
    const change = layer.set(ada, 'guard', { set: { config: { level: 'medium' } } });
    await expect(change).rejects.toMatchObject({
      code: ErrorCode.CONFIG_INVALID,
      message: expect.stringContaining('set by token:ada at 2026-01-02T03:04:05.000Z, in the store'),
    });
    expect(await layer.get('guard')).toEqual({ version: 0, leaves: [] });
    expect(audited).toEqual([]);
  });

  it('is refused, and not read, where files are the only source', async () => {
    const { layer } = await open(the);
    await layer.set(ada, 'guard', { set: { priority: 9 } });
    const file = { ...FILE, host: { ...FILE.host, config_writes: 'refuse' } };
    const refusing = await open(the, file, 'refuse');
    await expect(refusing.layer.set(ada, 'guard', { set: { priority: 8 } })).rejects.toMatchObject({
      code: ErrorCode.FORBIDDEN,
      message: expect.stringContaining('config_writes is refuse'),
    });
    expect(guardOf(await refusing.load())?.hooks[0]?.priority).toBe(5);
  });

  it('keeps one of two changes that were made of the same version', async () => {
    const [one, two] = [await open(the), await open(the)];
    const { version } = await one.layer.set(ada, 'guard', { set: { priority: 7 } });
    await two.layer.set(ada, 'guard', { set: { priority: 8 } }, version);
    await expect(one.layer.set(ada, 'guard', { set: { priority: 9 } }, version)).rejects.toMatchObject({
      code: ErrorCode.CONFLICT,
    });
    expect(guardOf(await one.load())?.hooks[0]?.priority).toBe(8);
  });

  it('loses no change of many that two hosts make at once', async () => {
    const [one, two] = [await open(the), await open(the)];
    await Promise.all([
      one.layer.set(ada, 'guard', { set: { config: { level: 'high' } } }),
      two.layer.set(ada, 'guard', { set: { config: { limits: { size: 1 } } } }),
      one.layer.set(ada, 'guard', { set: { priority: 3 } }),
    ]);
    const entry = guardOf(await two.load());
    expect(entry?.config).toMatchObject({ level: 'high', limits: { size: 1 } });
    expect(entry?.hooks[0]?.priority).toBe(3);
  });

  it('names in the audit log who changed which places, and no value', async () => {
    const { layer, audited } = await open(the);
    await layer.set(ada, 'guard', { set: { config: { token: 's3cret' } }, reset: [['priority']] });
    expect(audited).toEqual([
      {
        actor: ada,
        action: 'config.changed',
        target: 'config/plugins/guard',
        outcome: 'allowed',
        details: { version: 1, set: ['config.token'], reset: ['priority'] },
      },
    ]);
  });

  it('keeps what the schema marks writeOnly sealed, and opens it for whoever runs the plugin only', async () => {
    const { layer, load } = await open(the);
    const store = await the.open();
    const rows = async () => JSON.stringify(await store.db.selectFrom('config_layer').selectAll().execute());
    await layer.set(ada, 'guard', { set: { config: { token: 's3cret', level: 'high' } } });
    const [token] = (await layer.get('guard')).leaves;
    expect(token).toMatchObject({ path: ['config', 'token'], sealed: true, by: ada });
    expect(await rows()).not.toContain('s3cret');
    expect(await rows()).toContain('high');
    expect(guardOf(await load())?.config).toMatchObject({ token: 's3cret', level: 'high' });
    // Another change of the entry keeps it, and its author.
    await layer.set(other, 'guard', { set: { config: { level: 'low' } } });
    expect(guardOf(await load())?.config).toMatchObject({ token: 's3cret', level: 'low' });
    expect(
      showLeaves((await layer.get('guard')).leaves, guardOf(await load())).map(({ value, by }) => [
        value,
        by,
      ]),
    ).toEqual([
      ['***', 'token:ada'],
      ['low', 'plugin:approvals'],
    ]);
    const unread = await resolve(FILE, {
      ...OPTIONS,
      stored: async () => ({ ...NOTHING_STORED, layer: layerOf(await layer.entries()) }),
    });
    expect(explainPlugin(unread, 'guard').find(({ key }) => key === 'config.token')?.value).toBe('***');
    await layer.set(ada, 'guard', { reset: [['config', 'token']] });
    expect(guardOf(await load())?.config).not.toHaveProperty('token');
  });

  it('seals all of a configuration whose plugin is not there, and what was in clear with the next change', async () => {
    const { layer, load } = await open(the);
    const store = await the.open();
    await layer.set(other, 'later', { set: { plugin: 'absent', enabled: false, config: { key: 's3cret' } } });
    expect(JSON.stringify((await layer.get('later')).leaves)).not.toContain('s3cret');
    const leaves = [{ path: ['config', 'token'], value: 'in clear', by: ada, at: NOW }];
    await store.db
      .insertInto('config_layer')
      .values({ entry: 'guard', version: 1, leaves: JSON.stringify(leaves) })
      .execute();
    expect(guardOf(await load())?.config).toMatchObject({ token: 'in clear' });
    await layer.set(ada, 'guard', { set: { priority: 3 } });
    expect(JSON.stringify((await layer.get('guard')).leaves)).not.toContain('in clear');
    expect(guardOf(await load())?.config).toMatchObject({ token: 'in clear' });
  });

  it('resolves references that an operator wrote, and takes those of a plugin as text', async () => {
    const { layer, load } = await open(the);
    await layer.set(ada, 'guard', { set: { config: { words: ['${env:WORD}'] } } });
    expect(guardOf(await load())?.config).toMatchObject({ words: ['read'] });
    await layer.set(other, 'guard', { set: { config: { words: ['${env:WORD}'] } } });
    expect(guardOf(await load())?.config).toMatchObject({ words: ['${env:WORD}'] });
  });

  it('lets nothing be set that runs a program or reaches elsewhere', async () => {
    const { layer } = await open(the);
    const refused = [
      { command: '/bin/sh' },
      { address: 'grpcs://elsewhere:1' },
      { env: { NODE_OPTIONS: '--require x' } },
      { grants: { scopes: ['kv.read'] } },
      { plugin: '/tmp/plugin' },
      { plugin: '../plugin' },
    ];
    for (const set of refused) {
      await expect(layer.set(ada, 'guard', { set })).rejects.toMatchObject({
        code: ErrorCode.INVALID_ARGUMENT,
      });
    }
    await expect(layer.set(ada, '../guard', { set: {} })).rejects.toMatchObject({
      code: ErrorCode.INVALID_ARGUMENT,
    });
  });

  it('lets a plugin set config, and make an entry that waits, and nothing else', async () => {
    const { layer } = await open(the);
    await layer.set(other, 'guard', { set: { config: { level: 'high' } } });
    await layer.set(other, 'pending', { set: { plugin: 'guard', enabled: false, config: { level: 'low' } } });
    for (const set of [{ enabled: true }, { mode: 'audit' }, { enabled: false, priority: 1 }]) {
      await expect(layer.set(other, 'guard', { set })).rejects.toMatchObject({ code: ErrorCode.FORBIDDEN });
    }
    await expect(layer.set(other, 'guard', { reset: [[]] })).rejects.toMatchObject({
      code: ErrorCode.FORBIDDEN,
    });
  });

  it('is applied by every host that follows the store, once for each change, and once more after a fault', async () => {
    const { layer } = await open(the);
    const store = await the.open();
    const applied: string[] = [];
    let fails = true;
    const follower = createStoreFollower({
      store,
      log: createSilentLogger(),
      baseline: await storedRevision(store),
      apply: async () => {
        applied.push(fails ? 'failed' : 'applied');
        if (fails) throw new Error('the plugin is not there yet');
      },
    });
    follower.start();
    await layer.set(ada, 'guard', { set: { priority: 9 } });
    // On SQLite another store on the file is another process; whoever changed it tells the daemon.
    const tell = (): Promise<void> =>
      the.engine === 'sqlite' ? store.notify(CONFIG_CHANGED, 'guard') : Promise.resolve();
    await tell();
    await expect.poll(() => applied).toContain('failed');
    fails = false;
    await store.notify(CONFIG_CHANGED, 'guard');
    await expect.poll(() => applied).toContain('applied');
    const count = applied.length;
    await store.notify(CONFIG_CHANGED, 'guard');
    await follower.around(() => layer.set(ada, 'guard', { set: { priority: 8 } }));
    await tell();
    await expect.poll(() => applied.length).toBe(count + 1);
    follower.stop();
  });
});

describe('showLeaves', () => {
  it('hides what the schema marks writeOnly, and all of a plugin that is not there', async () => {
    const leaves = [
      { path: ['config', 'token'], value: 's3cret', by: ada, at: NOW },
      { path: ['config', 'level'], value: 'high', by: ada, at: NOW },
      { path: ['priority'], value: 9, by: ada, at: NOW },
    ];
    const entry = guardOf(await resolve(FILE, OPTIONS));
    expect(showLeaves(leaves, entry).map(({ value }) => value)).toEqual(['***', 'high', 9]);
    expect(showLeaves(leaves, undefined).map(({ value }) => value)).toEqual(['***', '***', 9]);
  });
});
