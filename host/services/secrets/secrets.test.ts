import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../clock.js';
import type { SecretKeyPlace } from '../../config/secrets-section.js';
import { describeEachStore } from '../../store/each-store.test-support.js';
import type { Store } from '../../store/store.js';
import { parseLeaves, type Leaf } from '../../stored-config/leaves.js';
import { openLeaf, sealLeaf } from '../../stored-config/seal.js';
import { NO_AUDIT, type Actor, type AuditEntry } from '../../telemetry/audit.js';
import { openKeyRing } from './key-ring.js';
import { openSecrets, type Secrets } from './secrets.js';

const ANN: Actor = { kind: 'cli', id: 'ann' };
const [OLD, NEW] = ['A', 'B'].map((letter) => Buffer.alloc(32, letter).toString('base64'));

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulkhead secrets-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const keyFile = (name = 'key', byDefault = true): SecretKeyPlace => ({
  kind: 'file',
  path: join(folder, name),
  byDefault,
});
const byEnv: SecretKeyPlace = { kind: 'env', name: 'KEYS' };

describeEachStore('secrets', (the) => {
  let store: Store;
  let written: AuditEntry[];
  beforeEach(async () => {
    store = await the.open();
    written = [];
  });
  const open = async (place = keyFile(), env?: string, of = store): Promise<Secrets> =>
    openSecrets({
      store: of,
      ring: await openKeyRing(place, () => env),
      clock: systemClock,
      audit: {
        ...NO_AUDIT,
        write: (_trx, entry) => {
          written.push(entry);
          return Promise.resolve();
        },
      },
      hostId: 'this',
    });
  const kept = async (): Promise<string> =>
    JSON.stringify(
      (await store.db.selectFrom('secrets').selectAll().execute()).map((row) => ({
        ...row,
        sealed: Buffer.from(row.sealed ?? []).toString('latin1'),
      })),
    );

  test('a value comes back, and stands nowhere in clear', async () => {
    const secrets = await open();
    expect(await secrets.set('DB_PASSWORD', 'hunter2 ü', ANN)).toMatchObject({ version: 1 });
    expect(await secrets.get('DB_PASSWORD')).toEqual({ value: 'hunter2 ü', version: 1 });
    expect(await (await open()).get('DB_PASSWORD')).toEqual({ value: 'hunter2 ü', version: 1 });
    expect(await kept()).not.toContain('hunter2');
    expect(JSON.stringify(written)).not.toContain('hunter2');
    expect(written).toMatchObject([{ actor: ANN, action: 'secret.set', target: 'secret/DB_PASSWORD' }]);
    expect((await stat(join(folder, 'key'))).mode & 0o777).toBe(0o600);
  });

  test('a version is used once, also after a removal', async () => {
    const secrets = await open();
    await secrets.set('A', 'one', ANN);
    await secrets.set('A', 'two', ANN);
    await secrets.remove('A', ANN);
    expect(await secrets.get('A')).toBeUndefined();
    expect(await secrets.list()).toEqual([]);
    await expect(secrets.remove('A', ANN)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await secrets.set('A', 'three', ANN)).toMatchObject({ version: 4 });
  });

  test('changes at the same time get a version each', async () => {
    const secrets = await open();
    const set = await Promise.all(['a', 'b', 'c', 'd'].map((value) => secrets.set('A', value, ANN)));
    expect(set.map(({ version }) => version).sort((one, other) => one - other)).toEqual([1, 2, 3, 4]);
  });

  test.each([
    ['a b', 'x', 'name'],
    ['', 'x', 'name'],
    ['A', '', 'value'],
    ['A', 'x'.repeat(65_537), 'value'],
  ])('%j with a value of its size is refused when wrong', async (name, value, field) => {
    await expect((await open()).set(name, value, ANN)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      field,
    });
  });

  test('a missing or wrong key is told at the start, and nothing is overwritten', async () => {
    await (await open()).set('A', 'one', ANN);
    const before = await kept();
    await expect(open(keyFile('other'))).rejects.toMatchObject({
      code: 'SECRET_KEY_INVALID',
      message: expect.stringContaining('Put that key back'),
    });
    await expect(stat(join(folder, 'other'))).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(open(byEnv, NEW)).rejects.toMatchObject({ code: 'SECRET_KEY_INVALID' });
    expect(await kept()).toBe(before);
  });

  test.each([
    ['nothing', undefined],
    ['too few bytes', 'c2hvcnQ='],
    ['an empty text', ''],
  ])('%s instead of a key is told without showing it', async (_what, env) => {
    const opened = open(byEnv, env);
    await expect(opened).rejects.toMatchObject({ code: 'SECRET_KEY_INVALID' });
    await expect(opened).rejects.not.toThrow(/c2hvcnQ/);
  });

  test('a key file that others may read, or that is not there, is refused', async () => {
    await expect(open(keyFile('named', false))).rejects.toMatchObject({ code: 'SECRET_KEY_INVALID' });
    await writeFile(join(folder, 'named'), OLD ?? '');
    await chmod(join(folder, 'named'), 0o644);
    await expect(open(keyFile('named', false))).rejects.toThrow(/chmod 600/);
  });

  test('a value that was moved or changed in the store does not open', async () => {
    const secrets = await open();
    await secrets.set('A', 'one', ANN);
    await secrets.set('B', 'two', ANN);
    const a = await store.db
      .selectFrom('secrets')
      .select('sealed')
      .where('name', '=', 'A')
      .executeTakeFirstOrThrow();
    await store.db.updateTable('secrets').set({ sealed: a.sealed }).where('name', '=', 'B').execute();
    await expect(secrets.get('B')).rejects.toMatchObject({ code: 'SECRET_KEY_INVALID' });
  });

  test('a rotation makes a key, encrypts everything with it, and drops the old one', async () => {
    const secrets = await open();
    await secrets.set('A', 'one', ANN);
    const before = await readFile(join(folder, 'key'), 'utf8');
    expect(await secrets.rotateKey(ANN)).toMatchObject({ secrets: 1 });
    const after = await readFile(join(folder, 'key'), 'utf8');
    expect(after).not.toBe(before);
    expect(after.trim().split('\n')).toHaveLength(1);
    expect(await secrets.get('A')).toEqual({ value: 'one', version: 1 });
    expect(await (await open()).get('A')).toEqual({ value: 'one', version: 1 });
    await writeFile(join(folder, 'old'), before, { mode: 0o600 });
    await expect(open(keyFile('old'))).rejects.toMatchObject({ code: 'SECRET_KEY_INVALID' });
  });

  test('a rotation takes along what of the configuration is sealed, which opens at its place only', async () => {
    const secrets = await open();
    const leaf: Leaf = { path: ['config', 'token'], value: { deep: 's3cret' }, by: ANN, at: 1 };
    await secrets.config.prepare();
    await store.transaction(async (trx) => {
      const leaves = JSON.stringify([
        sealLeaf(leaf, 'guard', await secrets.config.sealer(trx)),
        { path: ['priority'], value: 3, by: ANN, at: 1 },
      ]);
      await trx.insertInto('config_layer').values({ entry: 'guard', version: 4, leaves }).execute();
      await trx.insertInto('config_layer').values({ entry: 'other', version: 1, leaves: '[]' }).execute();
    });
    const row = () =>
      store.db.selectFrom('config_layer').selectAll().where('entry', '=', 'guard').executeTakeFirstOrThrow();
    const before = (await row()).leaves;
    expect(before).not.toContain('s3cret');
    const rotated = await secrets.rotateKey(ANN);
    expect(rotated).toMatchObject({ entries: 1 });
    const after = await row();
    expect(after).toMatchObject({ version: 4, leaves: expect.stringContaining(rotated.key_id) });
    const [sealed] = parseLeaves(after.leaves);
    if (sealed === undefined) throw new Error('there are two');
    expect(openLeaf(sealed, 'guard', (await open()).config)).toEqual(leaf);
    expect(() => openLeaf(sealed, 'other', secrets.config)).toThrow(/does not open with its key/);
    const [lost] = parseLeaves(before);
    if (lost === undefined) throw new Error('there are two');
    expect(() => openLeaf(lost, 'guard', secrets.config)).toThrow(
      expect.objectContaining({ code: 'SECRET_KEY_INVALID' }),
    );
  });

  test('a rotation that is cut before or after the store has it leaves everything readable', async () => {
    const secrets = await open();
    await secrets.set('A', 'one', ANN);
    const old = await readFile(join(folder, 'key'), 'utf8');
    // Killed when the new key was written and the store not yet.
    await writeFile(join(folder, 'key'), `${old}${NEW}\n`, { mode: 0o600 });
    const again = await open();
    expect(await again.get('A')).toMatchObject({ value: 'one' });
    await again.rotateKey(ANN);
    expect(await readFile(join(folder, 'key'), 'utf8')).toBe(`${NEW}\n`);
    // Killed before the old key was dropped: the next rotation does not go back to it.
    await writeFile(join(folder, 'key'), `${old}${NEW}\n`, { mode: 0o600 });
    const third = await open();
    expect(await third.get('A')).toMatchObject({ value: 'one' });
    await third.rotateKey(ANN);
    expect(await readFile(join(folder, 'key'), 'utf8')).not.toContain(old.trim());
    expect(await (await open()).get('A')).toMatchObject({ value: 'one' });
  });

  test('hosts that hold both keys read and write while one rotates', async () => {
    const one = await open(byEnv, `${OLD}`);
    await one.set('A', 'one', ANN);
    const [first, second] = [await open(byEnv, `${OLD},${NEW}`), await open(byEnv, `${OLD} ${NEW}`)];
    await Promise.all([first.rotateKey(ANN), second.set('B', 'two', ANN)]);
    expect(await second.get('A')).toMatchObject({ value: 'one' });
    expect(await first.get('B')).toMatchObject({ value: 'two' });
    await first.rotateKey(ANN).catch(() => undefined);
    await expect(open(byEnv, NEW)).resolves.toBeDefined();
  });

  test('keys that an operator holds are not made here, and none for one host of several', async () => {
    const secrets = await open(byEnv, OLD);
    await secrets.set('A', 'one', ANN);
    await expect(secrets.rotateKey(ANN)).rejects.toThrow(/expected a new key after the one in use/);
    await store.db
      .insertInto('audit_heads')
      .values({ host: 'other', seq: 1, hash: '', at: Date.now(), public_key: '', signature: '' })
      .execute();
    await writeFile(join(folder, 'key'), OLD ?? '', { mode: 0o600 });
    await expect((await open()).rotateKey(ANN)).rejects.toThrow(/each other one that shares the store/);
  });

  test('a change is heard', async () => {
    const secrets = await open();
    const heard = Promise.withResolvers<undefined>();
    const unsubscribe = secrets.subscribe(() => {
      heard.resolve(undefined);
    });
    await secrets.set('A', 'one', ANN);
    await heard.promise;
    unsubscribe();
  });
});
