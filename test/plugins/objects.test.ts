import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHost, type Host } from '@bulkhead/host';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { install } from './workspace.test-support.js';

const ADMIN = { kind: 'cli', id: 'test' } as const;
const GOOD = { name: 'GPT', slug: 'gpt', vendor: 'openai', endpoint: 'https://api.openai.com/v1' };

describe('llm-validator, hook-recorder and approval-system, installed and in processes of their own', () => {
  let folder = '';
  let host: Host;

  beforeAll(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'objects-')));
    const pluginsDir = join(folder, 'plugins');
    await install(['--plugins-dir', pluginsDir]);
    host = await createHost(
      {
        environment: 'development',
        host: { data_dir: join(folder, 'data'), plugins_dir: pluginsDir },
        log: { level: 'error' },
        plugins: {
          llm_validator: {
            grants: { object_hooks: ['llm.before_create', 'llm.before_update'] },
            config: { allowed_vendors: ['openai'], allowed_endpoints: ['api.openai.com'] },
          },
          hook_recorder: { grants: { context: ['read_user'], object_hooks: ['llm.*'] } },
          approval_system: {
            grants: {
              scopes: ['datasources.write', 'kv.readwrite', 'objects.secrets'],
              context: ['read_user'],
              object_hooks: ['datasource.before_create'],
            },
          },
        },
      },
      { baseDirectory: folder },
    );
    await host.start();
  });

  afterAll(async () => {
    await host.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const services = () => {
    if (host.services === undefined) throw new Error('a host with a store has services');
    return host.services;
  };
  const llms = () => services().objects.llm;

  it('refuse an LLM of a forbidden vendor with the reason, and keep nothing', async () => {
    await expect(llms().create(ADMIN, { ...GOOD, vendor: 'evil' })).rejects.toMatchObject({
      code: 'DENIED',
      message: "vendor 'evil' is not allowed; allowed are openai",
      violation: { plugin: 'llm_validator', code: 'LLM_VENDOR_NOT_ALLOWED', httpStatus: 422 },
    });
    expect(await llms().count()).toBe(0);
  });

  it('write nothing in a dry run', async () => {
    expect(await llms().create(ADMIN, GOOD, { dryRun: true })).toMatchObject(GOOD);
    expect(await llms().count()).toBe(0);
  });

  it('let a good one in, with the notes of both on it', async () => {
    const made = await llms().create(ADMIN, GOOD);
    expect(made.metadata).toMatchObject({
      'plugin:dev.bulkhead.llm-validator': { validated: { vendor: 'openai' } },
      'plugin:dev.bulkhead.hook-recorder': { last: { hook: 'before_create' } },
    });
    // The after hook comes by itself, and notes on the same object.
    await expect
      .poll(async () => (await llms().get(made.id)).metadata['plugin:dev.bulkhead.hook-recorder'])
      .toMatchObject({ last: { hook: 'after_create' } });
  });

  it('park a data source in the store, and say where', async () => {
    const { objects, kv } = services();
    const asked = { name: 'orders', kind: 'sqlite', path: '/data/orders.db' };
    const refusal: unknown = await objects.datasource.create(ADMIN, asked).catch((error: unknown) => error);
    expect(refusal).toMatchObject({
      violation: { plugin: 'approval_system', code: 'APPROVAL_REQUIRED', httpStatus: 409 },
    });
    const id = /as request ([0-9a-f]{16})/.exec(String(refusal))?.[1] ?? '';
    const row = await kv.get('approval_system', `pending/${id}`);
    expect(JSON.parse(Buffer.from(row?.value ?? []).toString())).toMatchObject({
      datasource: asked,
      requested_by: 'test',
    });
    expect(await objects.datasource.count()).toBe(0);
  });

  it('are not called for objects that were not granted to them', async () => {
    const made = await services().objects.user.create(ADMIN, { email: 'ada@example.com' });
    expect(made.metadata).toEqual({});
  });

  it('look at an update too', async () => {
    const made = await llms().create(ADMIN, { ...GOOD, slug: 'other' });
    await expect(
      llms().update(ADMIN, made.id, { ...GOOD, slug: 'other', endpoint: 'http://api.openai.com/' }),
    ).rejects.toMatchObject({ violation: { code: 'LLM_ENDPOINT_NOT_ALLOWED' } });
  });
});
