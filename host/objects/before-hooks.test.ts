import { describe, expect, test, vi } from 'vitest';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { Decision } from '@bulkhead/proto/plugin';
import { NO_PERMISSIONS } from '@bulkhead/proto/rules/schema';
import type { ObjectHook } from '@bulkhead/proto/rules';
import type { Actor } from '../telemetry/audit.js';
import { MAX_HOOK_DEPTH } from './hook-depth.js';
import { ADA, deny, hooked, modify, openObjects, type Handler } from './objects.test-support.js';

const OPENAI = { name: 'GPT', slug: 'gpt', vendor: 'openai' };
const on = (hooks: readonly ObjectHook[], priority = 100) => [{ object: 'llm' as const, hooks, priority }];
const beforeAll = on(['before_create', 'before_update', 'before_delete']);

describe('the before hooks of an object', () => {
  test('run by ascending priority, then in configuration order; each sees what the last one changed', async () => {
    const seen: string[] = [];
    const adds =
      (name: string): Handler =>
      (request) => {
        const { description = '' } = JSON.parse(request.objectJson) as { description?: string };
        seen.push(`${name} saw '${description}'`);
        return modify(request, { description: description + name });
      };
    const { objects } = await openObjects([
      hooked('b', on(['before_create'], 50), adds('b')),
      hooked('c', on(['before_create'], 50), adds('c')),
      hooked('a', on(['before_create'], 5), adds('a')),
      hooked('other', [{ object: 'tool', hooks: ['before_create'], priority: 1 }], adds('other')),
    ]);
    expect(await objects.llm.create(ADA, OPENAI)).toMatchObject({ description: 'abc' });
    expect(seen).toEqual(["a saw ''", "b saw 'a'", "c saw 'ab'"]);
  });

  test('a denial carries the reason, writes nothing, and the next plugin is not asked', async () => {
    const next = vi.fn<Handler>();
    const { objects, audited, records } = await openObjects([
      hooked('guard', on(['before_create'], 1), () => deny('VENDOR_NOT_ALLOWED', 'Only anthropic.')),
      hooked('next', on(['before_create'], 2), next),
    ]);
    await expect(objects.llm.create(ADA, OPENAI)).rejects.toMatchObject({
      code: 'DENIED',
      message: 'Only anthropic.',
      violation: { plugin: 'guard', code: 'VENDOR_NOT_ALLOWED' },
    });
    expect(await objects.llm.count()).toBe(0);
    expect(next).not.toHaveBeenCalled();
    expect(audited).toMatchObject([
      { action: 'llm.create', outcome: 'denied', code: 'VENDOR_NOT_ALLOWED', details: { plugin: 'guard' } },
    ]);
    expect(records).toMatchObject([
      { plugin: 'guard', hook: 'object.llm.before_create', requested: 'deny', effective: 'deny' },
    ]);
  });

  test('an error that speaks of a denial is an error of its plugin, and denies nothing where the plugin may not', async () => {
    const fails: Handler = () => {
      throw new BulkheadError(ErrorCode.DENIED, 'Another change was denied.', {
        violation: { plugin: 'somebody', code: 'FORGED', httpStatus: 418 },
      });
    };
    const failing = (objectHookMode: 'audit' | 'sequential') => [
      hooked('failing', on(['before_create']), fails, { objectHookMode }),
    ];
    const watched = await openObjects(failing('audit'));
    await watched.objects.llm.create(ADA, OPENAI);
    expect(await watched.objects.llm.count()).toBe(1);
    expect(watched.records).toMatchObject([{ plugin: 'failing', status: 'error', effective: 'allow' }]);
    const guarded = await openObjects(failing('sequential'));
    await expect(guarded.objects.llm.create(ADA, OPENAI)).rejects.toMatchObject({ violation: undefined });
    expect(guarded.records).toMatchObject([{ plugin: 'failing', status: 'error', effective: 'deny' }]);
  });

  test('an update and a deletion can be denied too; an update shows what was there before', async () => {
    const { objects } = await openObjects([
      hooked('guard', beforeAll, ({ hook, previousJson, objectJson }) => {
        if (hook === 'before_create') return undefined;
        const name = (text: string): unknown =>
          text === '' ? null : (JSON.parse(text) as { name: unknown }).name;
        return deny('NO', `${hook}: ${String(name(previousJson))} to ${String(name(objectJson))}`);
      }),
    ]);
    const { id } = await objects.llm.create(ADA, OPENAI);
    await expect(objects.llm.update(ADA, id, { ...OPENAI, name: 'New' })).rejects.toMatchObject({
      message: 'before_update: GPT to New',
    });
    await expect(objects.llm.delete(ADA, id)).rejects.toMatchObject({
      message: 'before_delete: null to GPT',
    });
    expect(await objects.llm.get(id)).toMatchObject(OPENAI);
  });

  test('what a plugin makes of an object is judged as if a person had written it', async () => {
    const answers: Record<string, (request: Parameters<Handler>[0]) => ReturnType<Handler>> = {
      'a slug that is none': (request) => modify(request, { slug: 'NOT A SLUG' }),
      'an unknown field': (request) => modify(request, { colour: 'red' }),
      'another id': (request) => modify(request, { id: 'other' }),
      'text that is no JSON': () => ({ decision: Decision.DECISION_MODIFY, objectJson: '{' }),
      'a reserved name': () => ({ metadata: { 'plugin:test.other': '1' } }),
      'a note that is no JSON': () => ({ metadata: { x: '{' } }),
    };
    for (const [what, handler] of Object.entries(answers)) {
      const { objects } = await openObjects([hooked('liar', on(['before_create']), handler)]);
      await expect(objects.llm.create(ADA, OPENAI), what).rejects.toMatchObject({
        code: 'INVALID_ANSWER',
        message: expect.stringContaining("'liar'"),
      });
      expect(await objects.llm.count()).toBe(0);
    }
  });

  test('a guard that is down refuses; with on_error ignore the change goes on; disable takes it out', async () => {
    const down: Handler = () => {
      throw new BulkheadError(ErrorCode.PLUGIN_UNAVAILABLE, 'no process');
    };
    const opened = await openObjects([hooked('guard', beforeAll, down)]);
    await expect(opened.objects.llm.create(ADA, OPENAI)).rejects.toMatchObject({
      code: 'PLUGIN_UNAVAILABLE',
      message: expect.stringContaining("'guard'"),
    });
    opened.plugins = [hooked('guard', beforeAll, down, { onError: 'ignore' })];
    await opened.objects.llm.create(ADA, OPENAI);
    expect(opened.out.size).toBe(0);
    const calls = vi.fn(down);
    opened.plugins = [hooked('guard', beforeAll, calls, { onError: 'disable' })];
    await opened.objects.llm.create(ADA, { ...OPENAI, slug: 'b' });
    await opened.objects.llm.create(ADA, { ...OPENAI, slug: 'c' });
    expect(calls).toHaveBeenCalledTimes(1);
    expect([...opened.out.keys()]).toEqual(['guard']);
  });

  test.each([
    ['audit', false],
    ['fire_and_forget', false],
    ['concurrent', false],
    ['transform', true],
    ['sequential', true],
  ] as const)('in mode %s a change is kept: %s', async (objectHookMode, kept) => {
    const { objects } = await openObjects([
      hooked('p', on(['before_create']), (request) => modify(request, { name: 'changed' }), {
        objectHookMode,
      }),
    ]);
    expect((await objects.llm.create(ADA, OPENAI)).name).toBe(kept ? 'changed' : 'GPT');
  });

  test.each([
    ['audit', 'created'],
    ['transform', 'created'],
    ['disabled', 'created'],
    ['concurrent', 'DENIED'],
  ] as const)('in mode %s a denial means: %s', async (objectHookMode, outcome) => {
    const { objects, audited } = await openObjects([
      hooked('p', on(['before_create']), () => deny('NO', 'no'), { objectHookMode }),
    ]);
    const result = await objects.llm.create(ADA, OPENAI).then(
      () => 'created',
      (error: unknown) => BulkheadError.from(error).code,
    );
    expect(result).toBe(outcome);
    if (objectHookMode === 'audit')
      expect(audited).toContainEqual(expect.objectContaining({ outcome: 'suppressed', code: 'NO' }));
  });

  test('secrets are redacted for who was not granted objects.secrets, and a change of another field keeps them', async () => {
    const seen: unknown[] = [];
    const handler: Handler = (request) => {
      seen.push((JSON.parse(request.objectJson) as { api_key: unknown }).api_key);
      return modify(request, { description: 'looked at' });
    };
    const { objects } = await openObjects([
      hooked('plain', on(['before_create'], 1), handler),
      hooked('trusted', on(['before_create'], 2), handler, { grantedScopes: ['objects.secrets'] }),
    ]);
    const llm = await objects.llm.create(ADA, { ...OPENAI, api_key: 'sk-secret' });
    expect(seen).toEqual(['[redacted]', 'sk-secret']);
    expect(llm).toMatchObject({ api_key: 'sk-secret', description: 'looked at' });
  });

  test('who asks is told only to who may read users', async () => {
    const seen: Record<string, string> = {};
    const handler =
      (name: string): Handler =>
      ({ userId }) => {
        seen[name] = userId;
        return undefined;
      };
    const { objects } = await openObjects([
      hooked('plain', on(['before_create']), handler('plain')),
      hooked('reader', on(['before_create']), handler('reader'), {
        granted: { ...NO_PERMISSIONS, context: ['read_user'] },
        grantedContext: ['read_user'],
      }),
    ]);
    await objects.llm.create(ADA, OPENAI);
    expect(seen).toEqual({ plain: '', reader: 'ada' });
  });

  test('notes land under the plugin that wrote them, and come back to it', async () => {
    const seen: string[] = [];
    const handler: Handler = ({ hook, metadataJson }) => {
      seen.push(metadataJson);
      return hook === 'before_create'
        ? { metadata: { checked: '{"by":"me"}' } }
        : { metadata: { checked: '', again: 'true' } };
    };
    const { objects } = await openObjects([hooked('p', beforeAll, handler)]);
    const created = await objects.llm.create(ADA, OPENAI);
    expect(created.metadata).toEqual({ 'plugin:test.p': { checked: { by: 'me' } } });
    const updated = await objects.llm.update(ADA, created.id, OPENAI);
    expect(updated.metadata).toEqual({ 'plugin:test.p': { again: true } });
    expect(await objects.llm.get(created.id)).toEqual(updated);
    expect(seen).toEqual(['{}', '{"checked":{"by":"me"}}']);
  });

  test('a dry run asks the plugins, says so, and writes nothing', async () => {
    const dry: boolean[] = [];
    const { objects } = await openObjects([
      hooked('p', on(['before_create', 'after_create']), (request) => {
        dry.push(request.dryRun);
        return modify(request, { name: 'changed' });
      }),
    ]);
    expect(await objects.llm.create(ADA, OPENAI, { dryRun: true })).toMatchObject({ name: 'changed' });
    expect(dry).toEqual([true]);
    expect(await objects.llm.count()).toBe(0);
  });

  test("a plugin's own write does not call its own hooks, another entry of the same plugin is another", async () => {
    const calls: string[] = [];
    const entry = (name: string) =>
      hooked(name, on(['before_create']), () => {
        calls.push(name);
        return undefined;
      });
    const { objects } = await openObjects([entry('one'), entry('two')]);
    await objects.llm.create({ kind: 'plugin', id: 'one' }, OPENAI);
    expect(calls).toEqual(['two']);
  });

  test('hooks whose hooks change objects come to an end', async () => {
    let depth = 0;
    const writes =
      (name: string): Handler =>
      async () => {
        depth += 1;
        const actor: Actor = { kind: 'plugin', id: name };
        await opened.objects.llm.create(actor, { ...OPENAI, slug: `s${String(depth)}` });
        return undefined;
      };
    const opened = await openObjects([
      hooked('one', on(['before_create']), writes('one')),
      hooked('two', on(['before_create']), writes('two')),
    ]);
    await expect(opened.objects.llm.create(ADA, OPENAI)).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
    expect(depth).toBe(MAX_HOOK_DEPTH);
    expect(await opened.objects.llm.count()).toBe(0);
  });

  test('an id that the host makes is not told before there is one', async () => {
    const seen: [string, unknown][] = [];
    const { objects } = await openObjects([
      hooked('p', on(['before_create']), ({ objectId, objectJson }) => {
        seen.push([objectId, (JSON.parse(objectJson) as { id?: string }).id]);
        return undefined;
      }),
    ]);
    await objects.llm.create(ADA, OPENAI);
    await objects.llm.create(ADA, { ...OPENAI, slug: 'b', id: 'mine' });
    expect(seen).toEqual([
      ['', undefined],
      ['mine', 'mine'],
    ]);
  });
});
