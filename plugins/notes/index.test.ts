import { beforeEach, describe, expect, it } from 'vitest';
import { testPlugin, type TestPlugin } from '@bulkhead/sdk/testing';
import plugin from './index.js';

const manifest = new URL('plugin.yaml', import.meta.url);
const alice = { appId: 'alice' };

let now: number;
let t: TestPlugin;

beforeEach(async () => {
  now = Date.now();
  t = await testPlugin(plugin, { manifest, config: { keep_days: 1 }, now: () => now });
});

describe('notes', () => {
  it('are saved by the tool, listed by the command, newest first', async () => {
    expect(await t.command('notes')).toBe('No notes yet.');
    expect(await t.tool('save_note', { text: 'buy milk\nand bread', tags: ['home'] })).toEqual({ id: 1 });
    expect(await t.tool('save_note', { text: 'call Ann' })).toEqual({ id: 2 });
    expect(await t.command('notes')).toBe('2. call Ann\n1. buy milk');
    expect(await t.command('notes', { tag: 'home' })).toBe('1. buy milk');
    expect(await t.command('notes', { tag: 'work' })).toBe('No notes with the tag work.');
  });

  it('are read and deleted over HTTP', async () => {
    await t.tool('save_note', { text: 'buy milk', tags: ['home'] }, alice);
    const one = await t.route('GET /notes/1', {}, alice);
    expect([one.status, one.json()]).toMatchObject([200, { id: 1, text: 'buy milk', tags: ['home'] }]);
    const all = await t.route('GET /notes?tag=home', {}, alice);
    expect(all.json()).toMatchObject({ notes: [{ id: 1 }] });
    expect((await t.route('DELETE /notes/1', {}, alice)).status).toBe(204);
    const gone = await t.route('GET /notes/1', {}, alice);
    expect([gone.status, gone.json()]).toMatchObject([404, { error: { code: 'NO_SUCH_NOTE' } }]);
    expect((await t.route('DELETE /notes/x', {}, alice)).status).toBe(404);
  });

  it("of one app are not another's", async () => {
    await t.tool('save_note', { text: 'mine' }, alice);
    expect(await t.command('notes', {}, { appId: 'bob' })).toBe('No notes yet.');
    expect((await t.route('GET /notes/1', {}, { appId: 'bob' })).status).toBe(404);
  });

  it('saved at once get numbers of their own', async () => {
    const saved = await Promise.all([1, 2, 3].map((n) => t.tool('save_note', { text: `note ${n}` })));
    expect(new Set(saved.map((answer) => JSON.stringify(answer))).size).toBe(3);
  });

  it('are gone after the configured days', async () => {
    await t.tool('save_note', { text: 'soon gone' });
    now += 86_400_000;
    expect(await t.command('notes')).toBe('No notes yet.');
  });

  it('take no empty text', async () => {
    await expect(t.tool('save_note', { text: '' })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('need the grant to write', async () => {
    const refused = await testPlugin(plugin, { manifest, grants: { scopes: ['kv.read'] } });
    await expect(refused.tool('save_note', { text: 'x' })).rejects.toThrow(/kv\.readwrite/);
  });
});
