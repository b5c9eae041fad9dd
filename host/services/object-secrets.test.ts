import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { openCatalog } from '../catalog/catalog.js';
import { systemClock } from '../clock.js';
import { resolveConfig } from '../config/load-config.js';
import { createHookRuns } from '../objects/hook-runs.js';
import { NO_SEAL } from '../objects/seal.js';
import { describeEachStore } from '../store/each-store.test-support.js';
import type { Store } from '../store/store.js';
import { NO_AUDIT, type Actor } from '../telemetry/audit.js';
import { createSilentLogger } from '../telemetry/logger.js';
import { openKeyRing } from './secrets/key-ring.js';
import { openSecrets, type Secrets } from './secrets/secrets.js';
import { createServices, type Services } from './services.js';

const ANN: Actor = { kind: 'cli', id: 'ann' };
const LLM = { name: 'One', slug: 'one', vendor: 'openai', default_model: 'm', api_key: 'sk-in-the-clear' };

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulkhead object-secrets-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

describeEachStore('secrets inside objects', (the) => {
  const openWith = async (store: Store, env?: string): Promise<Secrets> =>
    openSecrets({
      store,
      ring: await openKeyRing(
        env === undefined
          ? { kind: 'file', path: join(folder, 'key'), byDefault: true }
          : { kind: 'env', name: 'KEYS' },
        () => env,
      ),
      clock: systemClock,
      audit: NO_AUDIT,
      hostId: 'this',
    });
  const serve = async (store: Store, secrets?: Secrets): Promise<Services> => {
    const { config } = await resolveConfig(
      {},
      {
        baseDirectory: folder,
        catalog: openCatalog,
        readEnv: () => undefined,
        versions: { app: '0.1.0', node: process.versions.node },
      },
    );
    const services = createServices({
      config,
      store,
      audit: NO_AUDIT,
      ...(secrets === undefined ? {} : { secrets }),
      clock: systemClock,
      log: createSilentLogger(),
      active: () => [],
      hooks: { listens: () => false, invoke: () => Promise.reject(new Error('nobody calls a hook here')) },
      upstream: () => undefined,
      configured: () => [],
      pluginStates: () => [],
      rotation: { isOut: () => false, disable: () => undefined },
      onHookRecord: () => undefined,
    });
    onTestFinished(() => services.stop());
    return services;
  };
  const kept = async (store: Store): Promise<string> =>
    JSON.stringify([
      await store.db.selectFrom('objects').selectAll().execute(),
      await store.db.selectFrom('object_hook_runs').selectAll().execute(),
    ]);

  test('stand nowhere in clear, also not as what waits for after hooks, and come back after a rotation', async () => {
    const store = await the.open();
    const secrets = await openWith(store);
    const { objects } = await serve(store, secrets);
    const { id, etag } = await objects.llm.create(ANN, LLM);
    const tool = await objects.tool.create(ANN, {
      name: 'weather',
      kind: 'http',
      headers: { authorization: 'Bearer in-the-clear' },
      operations: [{ name: 'now', description: 'd', method: 'GET', url_template: 'https://w.example/now' }],
    });
    const plain = await objects.llm.create(ANN, { ...LLM, slug: 'plain', api_key: undefined });
    const runs = createHookRuns(secrets.objects);
    const object = { ...LLM, id };
    await store.transaction((trx) =>
      runs.add(
        trx,
        [
          {
            plugin: 'p',
            hook: 'after_update',
            type: 'llm',
            objectId: id,
            operationId: 'o',
            userId: 'ann',
            depth: 0,
            object,
            previous: object,
          },
        ],
        0,
      ),
    );
    const before = await kept(store);
    expect(before).not.toContain('in-the-clear');
    const oldKey = await readFile(join(folder, 'key'), 'utf8');

    expect(await secrets.rotateKey(ANN)).toMatchObject({ secrets: 0, objects: 2 });

    expect(await readFile(join(folder, 'key'), 'utf8')).not.toContain(oldKey.trim());
    const after = await kept(store);
    expect(after).not.toContain('in-the-clear');
    expect(after).not.toBe(before);
    // As a host that starts later reads them.
    const reopened = await openWith(store);
    const read = (await serve(store, reopened)).objects;
    expect(await read.llm.get(id)).toMatchObject({ api_key: LLM.api_key, etag });
    expect((await read.tool.get(tool.id)).headers).toEqual({ authorization: 'Bearer in-the-clear' });
    expect((await read.llm.get(plain.id)).api_key).toBeUndefined();
    const [run] = await createHookRuns(reopened.objects).claim(store.db, 'p', 1, 1, 1);
    expect(run?.open()).toMatchObject({ object, previous: object });
  });

  test('do not open with another key, elsewhere, or without secrets', async () => {
    const store = await the.open();
    const [one, two] = ['A', 'B'].map((letter) => Buffer.alloc(32, letter).toString('base64'));
    const secrets = await openWith(store, `${one},${two}`);
    const { objects } = await serve(store, secrets);
    const { id } = await objects.llm.create(ANN, LLM);
    const other = await objects.llm.create(ANN, { ...LLM, slug: 'two', api_key: 'sk-other' });
    const lost = { code: 'SECRET_KEY_INVALID' };
    await expect(openWith(store, one)).rejects.toMatchObject(lost);
    await expect((await serve(store)).objects.llm.get(id)).rejects.toMatchObject(lost);
    const { data } = await store.db
      .selectFrom('objects')
      .select('data')
      .where('id', '=', id)
      .executeTakeFirstOrThrow();
    await store.db.updateTable('objects').set({ data }).where('id', '=', other.id).execute();
    await expect(objects.llm.get(other.id)).rejects.toMatchObject(lost);
    // What does not open stops a rotation; nothing of it stands.
    const before = await kept(store);
    await expect((await openWith(store, `${two},${one},${two}`)).rotateKey(ANN)).rejects.toMatchObject(lost);
    expect(await kept(store)).toBe(before);
  });

  test('are readable when a rotation was cut, and encrypted by the next one when a host without secrets wrote them', async () => {
    const store = await the.open();
    const { objects } = await serve(store);
    const { id } = await objects.llm.create(ANN, LLM);
    expect(await kept(store)).toContain('in-the-clear');
    const secrets = await openWith(store);
    await (await serve(store, secrets)).objects.llm.create(ANN, { ...LLM, slug: 'two' });
    const old = await readFile(join(folder, 'key'), 'utf8');
    expect(await secrets.rotateKey(ANN)).toMatchObject({ objects: 2 });
    expect(await kept(store)).not.toContain('in-the-clear');
    // Killed before the old key was dropped.
    const now = await readFile(join(folder, 'key'), 'utf8');
    await writeFile(join(folder, 'key'), `${old}${now}`, { mode: 0o600 });
    const again = await openWith(store);
    const later = (await serve(store, again)).objects;
    expect((await later.llm.get(id)).api_key).toBe(LLM.api_key);
    await again.rotateKey(ANN);
    expect((await later.llm.get(id)).api_key).toBe(LLM.api_key);
  });

  test('written while another host rotates are readable with the new key alone', async () => {
    const [one, two] = ['A', 'B'].map((letter) => Buffer.alloc(32, letter).toString('base64'));
    const store = await the.open();
    const first = await openWith(store, `${one}`);
    await (await serve(store, first)).objects.llm.create(ANN, LLM);
    const rotating = await openWith(store, `${one} ${two}`);
    const second = the.engine === 'sqlite' ? store : await the.open();
    const { objects } = await serve(second, await openWith(second, `${one} ${two}`));
    const writes = ['b', 'c', 'd', 'e'].map((slug) => objects.llm.create(ANN, { ...LLM, slug }));
    await Promise.all([rotating.rotateKey(ANN), ...writes]);
    const read = (await serve(store, await openWith(store, two))).objects;
    const { items } = await read.llm.list();
    expect(items.map(({ api_key: key }) => key)).toEqual(items.map(() => LLM.api_key));
    expect(items).toHaveLength(5);
    expect(NO_SEAL.open('clear', { type: 'llm', id: 'x', field: 'api_key' })).toBe('clear');
  });
});
