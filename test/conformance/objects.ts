import { expect } from 'vitest';
import type { HostServices } from '@bulkhead/sdk';
import { failing, type Steps } from './steps.js';

export interface ObjectSubject {
  readonly host: HostServices;
  /** What the host itself keeps of an LLM, in clear. */
  kept(id: string): Promise<{ readonly api_key?: string } | undefined>;
}

const LLM = { name: 'GPT', slug: 'gpt', vendor: 'openai' };

/** What every service of objects does, whoever serves it, for a plugin with every scope but objects.secrets. */
export const OBJECT_STEPS: Steps<ObjectSubject> = {
  async 'a new object gets an id, defaults and an etag'({ host }) {
    const made = await host.llms.create(LLM);
    expect(made).toMatchObject({ ...LLM, models: [], active: true, metadata: {} });
    expect(made.id).not.toBe('');
    expect(made.etag).not.toBe('');
    expect(await host.llms.get(made.id)).toEqual(made);
    expect(await host.llms.count()).toBe(1);
  },
  async 'an id may be given, once, and so may what is unique'({ host }) {
    expect((await host.llms.create({ ...LLM, id: 'mine' })).id).toBe('mine');
    await expect(host.llms.create({ ...LLM, id: 'mine', slug: 'other' })).rejects.toThrow(
      failing('ALREADY_EXISTS'),
    );
    await expect(host.llms.create({ ...LLM, id: 'other' })).rejects.toThrow(failing('ALREADY_EXISTS'));
  },
  async 'what is not valid is refused, with its field'({ host }) {
    await expect(host.llms.create({ ...LLM, slug: 'No Slug' })).rejects.toThrow(
      failing('INVALID_ARGUMENT', 'slug'),
    );
    await expect(host.llms.create({ name: 'x', slug: 'x' })).rejects.toThrow(failing('INVALID_ARGUMENT'));
    await expect(host.datasources.create({ name: 'x', kind: 'sqlite' })).rejects.toThrow(
      failing('INVALID_ARGUMENT', 'path'),
    );
  },
  async 'what may be left out gets its default'({ host }) {
    const path = '/data/x.db';
    expect(await host.datasources.create({ name: 'x', kind: 'sqlite', path })).toMatchObject({
      read_only: true,
      max_rows: 1_000,
      timeout_ms: 5_000,
      active: true,
    });
    expect(
      await host.datasources.create({ name: 'y', kind: 'sqlite', path, read_only: false }),
    ).toMatchObject({
      read_only: false,
    });
  },
  async 'a dry run writes nothing and answers what would be'({ host }) {
    expect(await host.llms.create(LLM, { dryRun: true })).toMatchObject(LLM);
    expect(await host.llms.count()).toBe(0);
    const made = await host.llms.create(LLM);
    await host.llms.delete(made.id, { dryRun: true });
    expect(await host.llms.update({ ...made, name: 'new' }, { dryRun: true })).toMatchObject({ name: 'new' });
    expect((await host.llms.get(made.id)).name).toBe('GPT');
  },
  async 'what is absent is NOT_FOUND'({ host }) {
    await expect(host.llms.get('none')).rejects.toThrow(failing('NOT_FOUND'));
    await expect(host.llms.update({ ...LLM, id: 'none' })).rejects.toThrow(failing('NOT_FOUND'));
    await expect(host.apps.delete('none')).rejects.toThrow(failing('NOT_FOUND'));
    await expect(host.apps.patchMetadata('none', 'a', 1)).rejects.toThrow(failing('NOT_FOUND'));
    await expect(host.users.get('none')).rejects.toThrow(failing('NOT_FOUND'));
    await expect(host.users.getByCredential('a-credential-of-nobody')).rejects.toThrow(failing('NOT_FOUND'));
  },
  async 'a secret is not shown, and stays when it comes back redacted'({ host, kept }) {
    const made = await host.llms.create({ ...LLM, api_key: 'sk-1' });
    expect(made.api_key).toBe('[redacted]');
    expect((await host.llms.update({ ...made, name: 'new' })).name).toBe('new');
    expect((await kept(made.id))?.api_key).toBe('sk-1');
    await host.llms.update({ ...made, api_key: 'sk-2' });
    expect((await kept(made.id))?.api_key).toBe('sk-2');
    await expect(host.llms.create({ ...LLM, slug: 'b', api_key: '[redacted]' })).rejects.toThrow(
      failing('INVALID_ARGUMENT', 'api_key'),
    );
  },
  async 'an update replaces the whole object, over the etag that was seen'({ host }) {
    const made = await host.llms.create({ ...LLM, description: 'old' });
    const updated = await host.llms.update({ ...LLM, id: made.id, vendor: 'x' }, { ifMatch: made.etag });
    expect(updated.description).toBeUndefined();
    expect(updated.etag).not.toBe(made.etag);
    expect(updated.created_at).toBe(made.created_at);
    const late = { ifMatch: made.etag };
    await expect(host.llms.update({ ...LLM, id: made.id }, late)).rejects.toThrow(failing('CONFLICT'));
    await expect(host.llms.delete(made.id, late)).rejects.toThrow(failing('CONFLICT'));
    await host.llms.delete(made.id, { ifMatch: updated.etag });
    expect(await host.llms.count()).toBe(0);
  },
  async 'lists come page by page, by filter'({ host }) {
    for (const slug of ['a', 'b', 'c', 'd']) {
      const vendor = slug === 'd' ? 'other' : 'openai';
      await host.llms.create({ ...LLM, slug, vendor, active: slug !== 'c' });
    }
    const slugs: string[] = [];
    const listed = host.llms.all({ pageSize: 2, filter: { vendor: 'openai' } });
    for await (const { slug } of listed) slugs.push(slug);
    expect(slugs.toSorted()).toEqual(['a', 'b', 'c']);
    expect(await host.llms.count({ active: 'false' })).toBe(1);
    await expect(host.llms.list({ filter: { endpoint: 'x' } })).rejects.toThrow(failing('INVALID_ARGUMENT'));
    await expect(host.llms.list({ pageToken: '?' })).rejects.toThrow(
      failing('INVALID_ARGUMENT', 'page_token'),
    );
    await expect(host.llms.list({ pageSize: 1_001 })).rejects.toThrow(failing('INVALID_ARGUMENT'));
  },
  async 'an app is found by its key, which nobody sees again'({ host }) {
    const key = 'a-key-of-sixteen-characters';
    const app = await host.apps.create({ name: 'shop', keys: [key] });
    expect(JSON.stringify(app)).not.toContain(key);
    expect((await host.apps.getByCredential(key)).id).toBe(app.id);
    await expect(host.apps.getByCredential('another-key-of-sixteen')).rejects.toThrow(failing('NOT_FOUND'));
    await host.apps.update({ id: app.id, name: 'shop', description: 'new' });
    expect((await host.apps.getByCredential(key)).description).toBe('new');
  },
  async 'a plugin notes on an app what is only its own to change'({ host }) {
    const app = await host.apps.create({ name: 'shop', metadata: { team: 'a' } });
    const noted = await host.apps.patchMetadata(app.id, 'seen', { times: 1 });
    expect(noted.metadata).toEqual({ team: 'a', 'plugin:com.example.asker': { seen: { times: 1 } } });
    const updated = await host.apps.update({ id: app.id, name: 'shop', metadata: { team: 'b' } });
    expect(updated.metadata).toEqual({ team: 'b', 'plugin:com.example.asker': { seen: { times: 1 } } });
    const gone = await host.apps.patchMetadata(app.id, 'seen', undefined);
    expect(JSON.stringify(gone.metadata)).not.toContain('seen');
  },
  async 'operations are added to a tool and taken from it'({ host }) {
    const operation = { name: 'echo', effect: 'read_only' } as const;
    const tool = await host.tools.create({ name: 'files', kind: 'mcp', server: 'files' });
    expect((await host.tools.addOperation(tool.id, operation)).operations).toMatchObject([operation]);
    expect(await host.tools.operations(tool.id)).toMatchObject([operation]);
    await expect(host.tools.addOperation(tool.id, operation)).rejects.toThrow();
    expect((await host.tools.removeOperation(tool.id, 'echo')).operations).toEqual([]);
    await expect(host.tools.removeOperation(tool.id, 'echo')).rejects.toThrow(failing('NOT_FOUND'));
  },
};

/** And for a plugin that was granted objects.secrets too. */
export const SECRET_STEPS: Steps<ObjectSubject> = {
  async 'secrets are shown'({ host }) {
    const made = await host.llms.create({ ...LLM, api_key: 'sk-1' });
    expect(made.api_key).toBe('sk-1');
    expect((await host.llms.list()).items[0]?.api_key).toBe('sk-1');
  },
};
