import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ErrorCode } from '@bulkhead/proto';
import { KvServiceGetRequest } from '@bulkhead/proto/host';
import { expect, onTestFinished, test } from 'vitest';
import { createHost } from '../../host/create-host.js';

const NOOP = join(import.meta.dirname, '../fixtures/plugins/noop');
const GET = '/bulkhead.host.v1.KvService/Get';

test("an entry's own budget holds from the host's first start on", async () => {
  const directory = await mkdtemp(join(tmpdir(), 'bulkhead-budgets-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const host = await createHost({
    environment: 'development',
    host: { data_dir: directory, sandbox: 'basic' },
    log: { level: 'silent' },
    plugins: { noop: { plugin: NOOP, service_limits: { kv_per_second: 1 } } },
  });
  onTestFinished(() => host.stop());
  await host.start();
  const method = host.services?.methods.find(({ path }) => path === GET);
  if (host.services === undefined || method === undefined) throw new Error(`expected a host with ${GET}`);
  const { handler } = host.services.guard(
    { name: 'noop', id: 'noop', version: '1.0.0', pid: 0, grantedScopes: [method.scope] },
    method,
  );
  const get = async (): Promise<Uint8Array> =>
    handler(KvServiceGetRequest.encode({ key: 'k' }).finish(), {
      timeoutMs: 0,
      traceparent: '',
      signal: new AbortController().signal,
    });
  const [first, second] = await Promise.allSettled([get(), get()]);
  expect(first).toMatchObject({ status: 'fulfilled' });
  expect(second).toMatchObject({ status: 'rejected', reason: { code: ErrorCode.RATE_LIMITED } });
});
