import { expect, test } from 'vitest';
import { describeEachStore } from '../store/each-store.test-support.js';
import type { HookedPlugin } from './hook-list.js';
import { ADA, openObjects as openObjectsOn } from './objects.test-support.js';
import type { Seal } from './seal.js';

const OPENAI = { name: 'GPT', slug: 'gpt', vendor: 'openai' };

describeEachStore('the objects of the host', (the) => {
  const openObjects = async (plugins: readonly HookedPlugin[] = [], options: { readonly seal?: Seal } = {}) =>
    openObjectsOn(plugins, { store: await the.open(), ...options });

  test('a created object has an id, an etag, times and defaults, and is found again', async () => {
    const { objects, audited, events } = await openObjects();
    const created = await objects.llm.create(ADA, OPENAI);
    expect(created).toEqual({
      ...OPENAI,
      id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
      models: [],
      active: true,
      metadata: {},
      etag: expect.any(String),
      created_at: expect.any(String),
      updated_at: created.created_at,
    });
    expect(await objects.llm.get(created.id)).toEqual(created);
    expect(audited).toMatchObject([
      { actor: ADA, action: 'llm.create', target: `llm/${created.id}`, outcome: 'allowed' },
    ]);
    expect(events.map(({ topic }) => topic)).toEqual(['system.llm.created']);
  });

  test('what is wrong is said all at once, with the place', async () => {
    const { objects } = await openObjects();
    await expect(
      objects.llm.create(ADA, { name: '', slug: 'Not A Slug', vendor: 'x', vender: 'y' }),
    ).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      problems: expect.arrayContaining([
        expect.objectContaining({ path: 'slug' }),
        expect.objectContaining({ path: 'vender', message: expect.stringContaining("'vendor'") }),
        expect.objectContaining({ path: 'name' }),
      ]),
    });
  });

  test('a slug, an e-mail address, an id and a key belong to one object', async () => {
    const { objects } = await openObjects();
    const taken = { code: 'ALREADY_EXISTS' };
    const llm = await objects.llm.create(ADA, OPENAI);
    await expect(objects.llm.create(ADA, OPENAI)).rejects.toMatchObject({ ...taken, field: 'slug' });
    await expect(objects.llm.create(ADA, { ...OPENAI, slug: 'b', id: llm.id })).rejects.toMatchObject(taken);
    await objects.user.create(ADA, { email: 'ada@example.com' });
    await expect(objects.user.create(ADA, { email: 'Ada@Example.com' })).rejects.toMatchObject({
      ...taken,
      field: 'email',
    });
    const keys = ['a key of some length'];
    await objects.app.create(ADA, { name: 'one', keys });
    await expect(objects.app.create(ADA, { name: 'two', keys })).rejects.toMatchObject(taken);
    expect(await objects.app.count()).toBe(1);
    const other = await objects.llm.create(ADA, { ...OPENAI, slug: 'other' });
    await expect(objects.llm.update(ADA, other.id, OPENAI)).rejects.toMatchObject(taken);
  });

  test('an update replaces the object, and only over the etag that the caller has seen', async () => {
    const { objects, audited } = await openObjects();
    const first = await objects.llm.create(ADA, { ...OPENAI, description: 'old' });
    const second = await objects.llm.update(
      ADA,
      first.id,
      { ...OPENAI, name: 'New' },
      { ifMatch: first.etag },
    );
    expect(second).toMatchObject({ id: first.id, name: 'New', created_at: first.created_at });
    expect(second.description).toBeUndefined();
    expect(second.etag).not.toBe(first.etag);
    await expect(objects.llm.update(ADA, first.id, OPENAI, { ifMatch: first.etag })).rejects.toMatchObject({
      code: 'CONFLICT',
    });
    await expect(objects.llm.delete(ADA, first.id, { ifMatch: first.etag })).rejects.toMatchObject({
      code: 'CONFLICT',
    });
    await objects.llm.delete(ADA, first.id, { ifMatch: second.etag });
    await expect(objects.llm.get(first.id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(audited.map(({ action }) => action)).toEqual(['llm.create', 'llm.update', 'llm.delete']);
    expect(audited[1]?.details).toMatchObject({ changed: expect.arrayContaining(['name', 'description']) });
  });

  test('changes that come at once are all made when nobody names an etag', async () => {
    const { objects } = await openObjects();
    const { id } = await objects.llm.create(ADA, OPENAI);
    await Promise.all(
      ['a', 'b', 'c'].map((key) =>
        objects.llm.change(ADA, id, (llm) => ({ ...llm, metadata: { ...llm.metadata, [key]: true } })),
      ),
    );
    expect((await objects.llm.get(id)).metadata).toEqual({ a: true, b: true, c: true });
  });

  test('a dry run says what would be and writes nothing', async () => {
    const { objects, audited, events } = await openObjects();
    expect(await objects.llm.create(ADA, OPENAI, { dryRun: true })).toMatchObject({ ...OPENAI, models: [] });
    expect(await objects.llm.count()).toBe(0);
    const { id } = await objects.llm.create(ADA, OPENAI);
    await objects.llm.update(ADA, id, { ...OPENAI, name: 'New' }, { dryRun: true });
    await objects.llm.delete(ADA, id, { dryRun: true });
    expect(await objects.llm.get(id)).toMatchObject({ name: 'GPT' });
    await expect(objects.llm.create(ADA, OPENAI, { dryRun: true })).rejects.toMatchObject({
      code: 'ALREADY_EXISTS',
    });
    expect([audited.length, events.length]).toEqual([1, 1]);
  });

  test("an app's user must be there, and stays while an app is theirs", async () => {
    const { objects } = await openObjects();
    await expect(objects.app.create(ADA, { name: 'a', user_id: 'nobody' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      field: 'user_id',
    });
    const user = await objects.user.create(ADA, { email: 'ada@example.com' });
    const app = await objects.app.create(ADA, { name: 'a', user_id: user.id });
    await expect(objects.user.delete(ADA, user.id)).rejects.toMatchObject({ code: 'CONFLICT' });
    await objects.app.delete(ADA, app.id);
    await objects.user.delete(ADA, user.id);
  });

  test('a page ends at some megabytes, and the next goes on', async () => {
    const { objects } = await openObjects();
    const ids: string[] = [];
    for (let n = 0; n < 12; n += 1) {
      const metadata = { text: 'x'.repeat(450_000) };
      ids.push((await objects.llm.create(ADA, { ...OPENAI, slug: `s${String(n)}`, metadata })).id);
    }
    const first = await objects.llm.list({ pageSize: 1_000 });
    expect(first.items).toHaveLength(8);
    const second = await objects.llm.list({ pageSize: 1_000, pageToken: first.nextPageToken ?? '' });
    expect(second.nextPageToken).toBeUndefined();
    expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(ids.toSorted());
    await expect(objects.llm.list({ pageToken: 'x'.repeat(1_001) })).rejects.toMatchObject({
      field: 'page_token',
    });
  });

  test('a list comes in pages that lose and repeat nothing while others write', async () => {
    const { objects } = await openObjects();
    const ids: string[] = [];
    for (let n = 0; n < 25; n += 1) {
      const vendor = n % 2 === 0 ? 'openai' : 'other';
      ids.push((await objects.llm.create(ADA, { ...OPENAI, slug: `s${String(n)}`, vendor })).id);
    }
    const seen: string[] = [];
    let pageToken: string | undefined;
    do {
      const page = await objects.llm.list({ pageSize: 7, ...(pageToken === undefined ? {} : { pageToken }) });
      seen.push(...page.items.map(({ id }) => id));
      pageToken = page.nextPageToken;
      // What was given already goes, and something comes at the end.
      await objects.llm.delete(ADA, seen[0] ?? '').catch(() => undefined);
    } while (pageToken !== undefined);
    // Two that were made in one millisecond sort either way.
    expect(seen).toEqual(ids.toSorted());
    const filter = { vendor: 'other' };
    expect((await objects.llm.list({ filter })).items).toHaveLength(12);
    expect(await objects.llm.count(filter)).toBe(12);
    const { nextPageToken } = await objects.llm.list({ pageSize: 2 });
    await expect(
      objects.llm.list({ filter, ...(nextPageToken === undefined ? {} : { pageToken: nextPageToken }) }),
    ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', field: 'page_token' });
    await expect(objects.llm.list({ filter: { api_key: 'x' } })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    await expect(objects.llm.list({ pageSize: 1_001 })).rejects.toMatchObject({ field: 'page_size' });
  });

  test('credentials are kept as hashes only, found again, and stay when an update does not speak of them', async () => {
    const { objects, store } = await openObjects();
    const key = 'a key of some length';
    const app = await objects.app.create(ADA, { name: 'a', keys: [key] });
    expect(app.key_hashes).toEqual([expect.stringMatching(/^sha256:[0-9a-f]{64}$/)]);
    const rows = await store.db.selectFrom('objects').selectAll().execute();
    expect(JSON.stringify(rows)).not.toContain(key);
    expect((await objects.app.findByCredential(key))?.id).toBe(app.id);
    expect(await objects.app.findByCredential('another key of some length')).toBeUndefined();
    const renamed = await objects.app.update(ADA, app.id, { name: 'b' });
    expect(renamed.key_hashes).toEqual(app.key_hashes);
    const two = await objects.app.change(ADA, app.id, (shown) => ({
      ...shown,
      keys: ['another key of some length'],
    }));
    expect(two.key_hashes).toHaveLength(2);
    // The second of the two, by what a redacted object shows of it.
    await objects.app.update(ADA, app.id, { name: 'b', key_hashes: ['[redacted:2]'] });
    expect(await objects.app.findByCredential(key)).toBeUndefined();
    expect((await objects.app.findByCredential('another key of some length'))?.name).toBe('b');
    await objects.app.delete(ADA, app.id);
    expect(await objects.app.findByCredential('another key of some length')).toBeUndefined();
  });

  test('secrets are sealed in the store, and a redacted one stays as it was', async () => {
    const seal: Seal = {
      prepare: () => Promise.resolve(),
      sealer: () => Promise.resolve((text) => `sealed:${Buffer.from(text).toString('base64')}`),
      open: (text) => Buffer.from(text.slice(7), 'base64').toString(),
    };
    const { objects, store } = await openObjects([], { seal });
    const endpoint = 'https://llm.example/v1';
    const { id } = await objects.llm.create(ADA, { ...OPENAI, endpoint, api_key: 'sk-secret' });
    const rows = await store.db.selectFrom('objects').selectAll().execute();
    expect(JSON.stringify(rows)).not.toContain('sk-secret');
    expect((await objects.llm.get(id)).api_key).toBe('sk-secret');
    const shown = { ...OPENAI, endpoint, api_key: '[redacted]' };
    expect((await objects.llm.update(ADA, id, { ...shown, name: 'New' })).api_key).toBe('sk-secret');
    // Whoever does not know the key cannot have it sent to an address of their own.
    await expect(
      objects.llm.update(ADA, id, { ...shown, endpoint: 'https://thief.example/' }),
    ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('thief.example') });
    await expect(objects.llm.create(ADA, { ...shown, slug: 'b' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      field: 'api_key',
    });
  });

  test('what a plugin notes stays when others write, and is nobody else’s to write', async () => {
    const { objects } = await openObjects();
    const { id, etag } = await objects.app.create(ADA, {
      name: 'a',
      metadata: { mine: 1, 'plugin:com.x': { forged: true } },
    });
    expect((await objects.app.get(id)).metadata).toEqual({ mine: 1 });
    await Promise.all([
      objects.app.note(ADA, id, 'com.x', { a: 1 }),
      objects.app.note(ADA, id, 'com.y', { b: 2 }),
    ]);
    const noted = { mine: 1, 'plugin:com.x': { a: 1 }, 'plugin:com.y': { b: 2 } };
    expect(await objects.app.get(id)).toMatchObject({ etag, metadata: noted });
    await objects.app.update(ADA, id, { name: 'b', metadata: { mine: 2 } }, { ifMatch: etag });
    expect((await objects.app.get(id)).metadata).toEqual({ ...noted, mine: 2 });
    await objects.app.note(ADA, id, 'com.x', { a: undefined });
    expect((await objects.app.get(id)).metadata).toEqual({ mine: 2, 'plugin:com.y': { b: 2 } });
    await expect(objects.app.note(ADA, id, 'com.x', { a: 'x'.repeat(70_000) })).rejects.toMatchObject({
      code: 'QUOTA_EXCEEDED',
    });
    await expect(objects.app.note(ADA, 'none', 'com.x', { a: 1 })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });
});
