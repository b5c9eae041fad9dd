import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHost, type Host } from '@bulkhead/host';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStore } from '../../host/store/open-store.js';
import type { Store } from '../../host/store/store.js';
import { install } from './workspace.test-support.js';

const ADMIN = { kind: 'cli', id: 'test' } as const;
const GOOD = { name: 'GPT', slug: 'gpt', vendor: 'openai', endpoint: 'https://api.openai.com/v1' };

describe('llm-validator and hook-recorder, installed and in processes of their own', () => {
  let folder = '';
  let store: Store;
  let host: Host;

  beforeAll(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'objects-')));
    const pluginsDir = join(folder, 'plugins');
    await install(['--plugins-dir', pluginsDir]);
    store = await openStore({ path: join(folder, 'bulkhead.db') });
    host = await createHost(
      {
        environment: 'development',
        host: { data_dir: join(folder, 'data'), plugins_dir: pluginsDir },
        log: { level: 'error' },
        plugins: {
          llm_validator: {
            config: { allowed_vendors: ['openai'], allowed_endpoints: ['api.openai.com'] },
          },
          hook_recorder: { grants: { context: ['read_user'] } },
        },
      },
      { baseDirectory: folder, store },
    );
    await host.start();
  });

  afterAll(async () => {
    await host.stop();
    await store.close();
    await rm(folder, { recursive: true, force: true });
  });

  const llms = () => {
    const { services } = host;
    if (services === undefined) throw new Error('a host with a store has services');
    return services.objects.llm;
  };

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

  it('look at an update too', async () => {
    const made = await llms().create(ADMIN, { ...GOOD, slug: 'other' });
    await expect(
      llms().update(ADMIN, made.id, { ...GOOD, slug: 'other', endpoint: 'http://api.openai.com/' }),
    ).rejects.toMatchObject({ violation: { code: 'LLM_ENDPOINT_NOT_ALLOWED' } });
  });
});
