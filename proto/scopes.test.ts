import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { loadSync } from '@grpc/proto-loader';
import { expect, test } from 'vitest';
import * as host from './host.js';
import { scopesOf, type ScopedService } from './scopes.js';

// A change here is a change of what a grant means: buf's breaking check does not notice it.
const SCOPES = {
  '/bulkhead.host.v1.LogService/Write': 'none',
};

const services = Object.entries(host)
  .filter(([name]) => name.endsWith('Definition'))
  .map(([, value]) => value as ScopedService);

test('every RPC that a plugin may call has the scope that was agreed', () => {
  expect(Object.fromEntries(services.flatMap((service) => [...scopesOf(service)]))).toEqual(SCOPES);
});

test('the generated scopes are those of the .proto files', () => {
  const root = join(import.meta.dirname, 'proto');
  const folder = join(root, 'bulkhead/host/v1');
  const loaded = loadSync(
    readdirSync(folder).map((file) => join(folder, file)),
    { includeDirs: [root] },
  );
  const declared: Record<string, unknown> = {};
  for (const definition of Object.values(loaded)) {
    if ('format' in definition) continue;
    for (const method of Object.values(definition)) {
      const options = method.options as Readonly<Record<string, unknown>> | undefined;
      declared[method.path] = options?.['(bulkhead.v1.scope)'];
    }
  }
  expect(declared).toEqual(SCOPES);
});

test('an RPC without a scope is refused', () => {
  const service = { fullName: 'bulkhead.host.v1.NewService', methods: { get: { name: 'Get', options: {} } } };
  expect(() => scopesOf(service)).toThrow(/NewService\/Get has no .*scope/);
});
