import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as host from '@bulkhead/proto/host';
import { NO_SCOPE, scopesOf, type ScopedService } from '@bulkhead/proto/host';
import type { IncomingCall } from '@bulkhead/proto/link';
import { SCOPES } from '@bulkhead/proto/rules/schema';
import { BulkheadError } from '@bulkhead/proto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openCatalog } from '../catalog/catalog.js';
import { FakeClock } from '../clock.test-support.js';
import { resolveConfig } from '../config/load-config.js';
import { NO_SEAL } from '../objects/seal.js';
import { openStore } from '../store/open-store.js';
import type { Store } from '../store/store.js';
import { NO_AUDIT } from '../telemetry/audit.js';
import { createSilentLogger } from '../telemetry/logger.js';
import type { PluginIdentity } from '../sidecar/host-method.js';
import { createServices, type Services } from './services.js';

/** Served by the sidecar itself. */
const ELSEWHERE: readonly string[] = ['LogService'];

const services: readonly ScopedService[] = Object.entries(host).flatMap(([name, value]) =>
  name.endsWith('ServiceDefinition') && typeof value === 'object' && 'fullName' in value ? [value] : [],
);
const methods = services.flatMap((service) =>
  [...scopesOf(service)].map(([path, scope]) => ({
    service: service.fullName.split('.').at(-1) ?? '',
    path,
    scope,
  })),
);
const call: IncomingCall = { timeoutMs: 0, traceparent: '', signal: new AbortController().signal };

let directory: string;
let store: Store;
let made: Services;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bulkhead-scopes-'));
  store = await openStore({ path: join(directory, 'bulkhead.db') });
  const { config } = await resolveConfig(
    {},
    {
      baseDirectory: directory,
      catalog: openCatalog,
      readEnv: () => undefined,
      versions: { app: '0.1.0', node: process.versions.node },
    },
  );
  made = createServices({
    config,
    store,
    audit: NO_AUDIT,
    secrets: { get: () => Promise.resolve(undefined), objects: NO_SEAL },
    clock: new FakeClock(),
    log: createSilentLogger(),
    active: () => [],
    hooks: { listens: () => false, invoke: () => Promise.reject(new Error('nobody calls a hook here')) },
    upstream: () => undefined,
    configured: () => [],
    pluginStates: () => [],
    rotation: { isOut: () => false, disable: () => undefined },
    onHookRecord: () => undefined,
  });
});
afterAll(async () => {
  await made.stop();
  await store.close();
  await rm(directory, { recursive: true, force: true });
});

const plugin = (...grantedScopes: string[]): PluginIdentity => ({
  name: 'p',
  id: 'com.example.p',
  version: '1.0.0',
  pid: 1,
  grantedScopes,
  // What a call without a body asks for.
  grantedSecrets: [''],
});

/** The code of what came of a call without a body; `OK` when it was answered. */
async function ask(path: string, scopes: readonly string[]): Promise<string> {
  const method = made.methods.find((served) => served.path === path);
  if (method === undefined) return 'UNKNOWN_METHOD';
  try {
    await made.guard(plugin(...scopes), method).handler(new Uint8Array(), call);
    return 'OK';
  } catch (error) {
    return BulkheadError.from(error).code;
  }
}

test('there are services to walk', () => {
  expect(services.length).toBeGreaterThanOrEqual(12);
});

describe.each(methods.filter(({ service }) => !ELSEWHERE.includes(service)))('$path', ({ path, scope }) => {
  test('names a scope that there is', () => {
    expect([...Object.keys(SCOPES), NO_SCOPE]).toContain(scope);
    expect(made.methods.find((method) => method.path === path)?.scope).toBe(scope);
  });

  test('refuses a plugin without a grant, and one with every other one', async () => {
    const others = Object.keys(SCOPES).filter((name) => name !== scope);
    expect(await ask(path, [])).toBe('PERMISSION_DENIED');
    expect(await ask(path, others)).toBe('PERMISSION_DENIED');
  });

  test(`lets through a plugin with ${scope}`, async () => {
    // What the method makes of an empty request is its own: there is nothing of that name, or a field is missing.
    expect([
      'OK',
      'NOT_FOUND',
      'INVALID_ARGUMENT',
      'TOOL_FAILED',
      // The configuration is written in files only; a topic begins with the plugin's own id.
      ...(/\/(?:CreatePendingPlugin|Publish)$/.test(path) ? ['PERMISSION_DENIED'] : []),
    ]).toContain(await ask(path, [scope]));
  });
});
